"""The partner SDK (sync, verification, checkpoint, feedback) and the person's side of a case (seal, submit, ask, withdraw)."""
