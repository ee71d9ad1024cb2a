"""Fingerprints to matches."""
