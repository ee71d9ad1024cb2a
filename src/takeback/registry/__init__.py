"""Sealed cases, the list and its batches."""
