"""The partner's side of the feed (sync, verification, checkpoint, feedback) and the person's side of a case.

Nothing is imported here: the partner's modules need httpx and cryptography, ``sealing`` and ``case`` Argon2 too.
"""
