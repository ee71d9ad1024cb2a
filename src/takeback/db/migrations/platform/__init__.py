"""Revisions of the platform kit's schema, oldest first."""
