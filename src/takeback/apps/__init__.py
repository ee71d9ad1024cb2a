"""Composition only: each module builds one side from its rooms by plain constructor calls."""
