"""Media to fingerprints."""
