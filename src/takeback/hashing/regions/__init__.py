"""Region hashes: they find a copy that was cropped, turned, written over or photographed inside an interface.

``regions_to_register`` and ``regions_to_ask`` make sets from pixels, ``text_of`` and ``parse_regions`` are a set's text
form. Which sets belong together is decided in matching (region_rule.py). docs/fingerprints.md explains the method.
"""

from takeback.hashing.regions.recipe import Recipe
from takeback.hashing.regions.sets import MAX_REGISTERED, RegionSet, regions_to_ask, regions_to_register
from takeback.hashing.regions.text import parse_regions, text_of

__all__ = [
    "MAX_REGISTERED",
    "Recipe",
    "RegionSet",
    "parse_regions",
    "regions_to_ask",
    "regions_to_register",
    "text_of",
]
