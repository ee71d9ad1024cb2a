"""What is registered of a picture, and what is asked of one."""

from dataclasses import dataclass
from itertools import pairwise
from math import inf

import numpy as np
from numpy.typing import NDArray

from takeback.hashing.regions.drawn import may_be_drawn
from takeback.hashing.regions.find import Band, FoundRegions, Quality, find_regions
from takeback.hashing.regions.furniture import levels_of, picture_itself
from takeback.hashing.regions.grey import Grey, Pixels, resized, working_picture
from takeback.hashing.regions.recipe import Recipe

MAX_REGISTERED = 96
"""Most regions of one picture on a list. More find more crops, and draw more of the picture for whoever has them."""

_LARGE_PX = 32.0
_REGISTERED_LARGE = 48
_REGISTERED_DIRECTIONS = 1
"""Votes have to be independent: two regions of one keypoint would be two votes of one place. What is asked has both."""

_ASKED_A_BAND = 64
_ASKED_DIRECTIONS = 2
_STRETCHES = (0.8, 1.25)
"""How much lower or higher a copy is made before it is asked again, against pictures squeezed by an app."""

_REPEAT_BITS = 62
_REPEAT_DISTANCE = 0.06
"""Of the longer side: a region within so many bits of one that lies further away is there twice."""
_MAX_REPEATS = 0.25
"""More than that of all regions: the picture itself was put there twice, and has to be found."""

USABLE = Quality(min_activity=2.0, min_deviation=0.0, min_ratio=0.10)
"""Below this a region is noise, or one straight bar or edge, and is neither stored nor asked."""

STRONG = Quality(min_activity=3.0, min_deviation=3.0, min_ratio=0.15)
"""From here on a region may speak alone, for a look."""


@dataclass(frozen=True, slots=True)
class RegionSet:
    """Regions of one picture. Values are sensitive, so never part of a ``repr``.

    Args:
        values: (n, 32) uint8, bit 0 is the most significant bit of byte 0; distinct, in ascending order.
        strong: (n,) bool, see ``STRONG``.
        places: (n, 2) float32, of a picture that is asked: x and y of each region's middle, in longer sides of the
            picture. ``None`` of one for a list: there no place, size or order of a region is kept.
    """

    values: NDArray[np.uint8]
    strong: NDArray[np.bool_]
    places: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        return f"RegionSet({len(self)} regions)"


def regions_to_register(pixels: Pixels, recipe: Recipe = Recipe()) -> RegionSet:  # noqa: B008 - a frozen value
    """The regions that stand for a picture on a list.

    Args:
        pixels: see ``Pixels``, as displayed.
        recipe: the parameters.

    Returns:
        At most 96 regions; none for a picture without structure.
    """
    small = MAX_REGISTERED - _REGISTERED_LARGE
    bands = (
        Band(_LARGE_PX, inf, _REGISTERED_LARGE, _REGISTERED_DIRECTIONS),
        Band(recipe.min_radius_px, _LARGE_PX, small, _REGISTERED_DIRECTIONS),
    )
    found = find_regions(working_picture(pixels, recipe.long_side_px), bands, USABLE, recipe)
    return _set_of(found.values, _strong(found), None)


def regions_to_ask(
    pixels: Pixels,
    *,
    stretched: bool = False,
    drawn: bool = False,
    recipe: Recipe = Recipe(),  # noqa: B008 - a frozen value
) -> RegionSet:
    """The regions by which a posted picture is looked up: more of them, from every size, and mirrored.

    Those on lettering, in the interface around the picture and on what is drawn are not among them: they are not the
    picture's own. Nor are those that it has twice: a sign that was put all over it, and what is all over it anyway,
    tells least of it.

    Args:
        pixels: see ``Pixels``, as displayed.
        stretched: also ask the picture made lower and higher by a quarter; three times the work.
        drawn: ask what is drawn as well: of a video, which may be a cartoon that fades in, with a handful of regions.
        recipe: the parameters.

    Returns:
        At most 512 regions, or three times as many.
    """
    edges = (recipe.min_radius_px, 32.0, 64.0, 128.0, inf)
    bands = tuple(Band(low, high, _ASKED_A_BAND, _ASKED_DIRECTIONS) for low, high in pairwise(edges))
    grey = working_picture(pixels, recipe.long_side_px)
    forms = [grey, *(_stretched(grey, by, recipe) for by in _STRETCHES)] if stretched else [grey]
    all_found = [find_regions(form, bands, USABLE, recipe, picture_itself(form, drawn=drawn)) for form in forms]
    values = np.concatenate([part for found in all_found for part in (found.values, found.mirrored)])
    alone = [_may_speak_alone(found, form, drawn) for found, form in zip(all_found, forms, strict=True)]
    strong = np.concatenate([part for one in alone for part in (one, one)])
    by_form = [_places(found, form, grey) for found, form in zip(all_found, forms, strict=True)]
    places = np.concatenate([part for one in by_form for part in (one, one)])
    once = _are_there_once(values, places)
    return _set_of(values[once], strong[once], places[once])


def _are_there_once(values: NDArray[np.uint8], places: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which regions the picture has not twice; words and signs all over it, and rows of one thing, it has."""
    words = np.ascontiguousarray(values).view(np.uint64)
    apart = places[:, np.newaxis, :] - places[np.newaxis, :, :]
    elsewhere = (apart * apart).sum(axis=2) > _REPEAT_DISTANCE**2
    bits = np.bitwise_count(words[:, np.newaxis, :] ^ words[np.newaxis, :, :]).sum(axis=2, dtype=np.int64)
    once: NDArray[np.bool_] = ~((bits <= _REPEAT_BITS) & elsewhere).any(axis=1)
    return once if np.count_nonzero(once) >= (1.0 - _MAX_REPEATS) * len(once) else np.ones_like(once)


def _places(found: FoundRegions, form: Grey, grey: Grey) -> NDArray[np.float32]:
    """Where the regions of a form have their middle in the picture before it was stretched, in its longer sides."""
    scale = np.array([grey.shape[1] / form.shape[1], grey.shape[0] / form.shape[0]]) / max(grey.shape)
    places: NDArray[np.float32] = (found.circles[:, :2] * scale).astype(np.float32)
    return places


def _stretched(grey: Grey, by: float, recipe: Recipe) -> Grey:
    height, width = grey.shape
    scale = min(1.0, recipe.long_side_px / (height * by))
    return resized(grey, max(16, int(height * by * scale + 0.5)), max(16, int(width * scale + 0.5)))


def _strong(found: FoundRegions) -> NDArray[np.bool_]:
    active, deviation, spread = found.measures[:, 1], found.measures[:, 2], found.measures[:, 3]
    least = np.maximum(STRONG.min_deviation, STRONG.min_ratio * spread)
    strong: NDArray[np.bool_] = (active >= STRONG.min_activity) & (deviation >= least)
    return strong


def _may_speak_alone(found: FoundRegions, form: Grey, drawn: bool) -> NDArray[np.bool_]:
    """Which regions that are asked are strong, and surely no piece of something drawn unless that is asked too."""
    strong = _strong(found)
    return strong if drawn else strong & ~may_be_drawn(found.circles, levels_of(form))


def _set_of(values: NDArray[np.uint8], strong: NDArray[np.bool_], places: NDArray[np.float32] | None) -> RegionSet:
    """Sorted by value, which says nothing of where a region was; of equal values the first that was found stays."""
    first: dict[bytes, int] = {}
    for row in range(len(values)):
        first.setdefault(values[row].tobytes(), row)
    order = np.array([first[value] for value in sorted(first)], np.int64)
    return RegionSet(values[order], strong[order], None if places is None else places[order])
