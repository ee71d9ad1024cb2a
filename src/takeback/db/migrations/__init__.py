"""Alembic's scripts; found by path, never imported."""
