"""Revisions of the registry's schema, oldest first."""
