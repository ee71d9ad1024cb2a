"""The operator's console: who may act at the registry, how they sign in, and what they see and do."""
