"""Match-as-a-service, for platforms too small to hold a list."""
