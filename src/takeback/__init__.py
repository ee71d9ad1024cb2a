"""Takeback: stop an intimate picture from spreading without showing it to anyone.

The package holds three products in one: what runs on the person's device, the registry, and the platform kit.
docs/architecture.md says which room holds what; importing this package imports none of them.
"""
