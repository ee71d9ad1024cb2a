"""The platform kit: check before publishing, hold, review, decide, report back."""
