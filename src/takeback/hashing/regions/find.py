"""The regions of a working picture: keypoints in bands of size, strongest first, each turned and hashed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from takeback.hashing.regions.exact import kernel
from takeback.hashing.regions.grey import Grey
from takeback.hashing.regions.keypoints import keypoints_in
from takeback.hashing.regions.orientation import orientations
from takeback.hashing.regions.patch import (
    SIDE,
    activity,
    cosines,
    median_deviation,
    sample,
    taper,
    transform,
    write_bits,
)
from takeback.hashing.regions.recipe import Recipe
from takeback.hashing.regions.scale_space import Stack, next_base, octave_base, octave_levels, patch_pyramid

Circles = NDArray[np.float64]
"""(n, 3) float64: x, y and radius of regions in pixels of the working picture."""


@dataclass(frozen=True, slots=True)
class Band:
    """How many regions of a range of sizes are wanted.

    Args:
        min_radius_px: smallest radius in pixels of the working picture, included.
        max_radius_px: largest, not included.
        count: at most so many.
        directions: of one keypoint that has two main directions, how many become regions.
    """

    min_radius_px: float
    max_radius_px: float
    count: int
    directions: int


@dataclass(frozen=True, slots=True)
class FoundRegions:
    """Regions, row for row.

    Args:
        values: (n, 32) uint8, bit 0 is the most significant bit of byte 0.
        mirrored: (n, 32) uint8: the values that the mirrored picture would give.
        circles: where they are.
        measures: (n, 4) float64: response, activity q, median deviation m, standard deviation s, in grey levels.
    """

    values: NDArray[np.uint8]
    mirrored: NDArray[np.uint8]
    circles: Circles
    measures: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Quality:
    """What a region must have to be used.

    Args:
        min_activity: mean difference of neighbouring samples, in grey levels: below it is noise.
        min_deviation: median distance of the frequencies from their median, in grey levels.
        min_ratio: that distance in standard deviations of the patch. A patch of one straight bar or edge has nearly
            all frequencies at zero, so its bits are chance; this measure is near zero for it.
    """

    min_activity: float
    min_deviation: float
    min_ratio: float

    def admits(self, activity_: float, deviation: float, spread: float) -> bool:
        """Whether a region is good enough."""
        return activity_ >= self.min_activity and deviation >= max(self.min_deviation, self.min_ratio * spread)


def find_regions(
    grey: Grey,
    bands: Sequence[Band],
    quality: Quality,
    recipe: Recipe,
    wanted: Callable[[Circles], NDArray[np.bool_]] | None = None,
) -> FoundRegions:
    """Find the strongest regions of each band.

    Args:
        grey: the working picture.
        bands: wanted sizes; they may not overlap.
        quality: regions below it are passed over and do not count.
        recipe: the parameters.
        wanted: which places count; the others are passed over. Everywhere, if not given.
    """
    stacks, keypoints = _search(grey, recipe)
    circles = keypoints[:, [0, 1, 5]] * 2.0 ** keypoints[:, [6]]
    if wanted is not None:
        kept = wanted(circles)
        keypoints, circles = keypoints[kept], circles[kept]
    pyramid = patch_pyramid(grey)
    limits = np.array([quality.min_activity, quality.min_deviation, quality.min_ratio])
    rows = sum(band.count for band in bands)
    found = FoundRegions(
        np.empty((rows, 32), np.uint8), np.empty((rows, 32), np.uint8), np.empty((rows, 3)), np.empty((rows, 4))
    )
    total = 0
    radii = circles[:, 2]
    for band in bands:
        taken = 0
        for row in np.flatnonzero((radii >= band.min_radius_px) & (radii < band.max_radius_px)):
            if taken == band.count:
                break
            keypoint = keypoints[row]
            octave = int(keypoint[6])
            before = total + taken
            taken += _describe(
                keypoint,
                stacks[octave][int(keypoint[2])],
                pyramid[_patch_level(float(radii[row]), len(pyramid))],
                _patch_level(float(radii[row]), len(pyramid)),
                (recipe.orientation_window, band.directions, cosines(), limits),
                (found.values[before : total + band.count], found.mirrored[before:], found.measures[before:]),
            )
            found.circles[before : total + taken] = circles[row]
        total += taken
    return FoundRegions(found.values[:total], found.mirrored[:total], found.circles[:total], found.measures[:total])


def _search(grey: Grey, recipe: Recipe) -> tuple[list[Stack], NDArray[np.float64]]:
    """The stacks of all octaves, and all keypoints with their octave as a seventh column, strongest first.

    Equally strong ones stay in scan order: octave, level, row, column.
    """
    stacks: list[Stack] = []
    found: list[NDArray[np.float64]] = []
    base: Grey | None = octave_base(grey)
    while base is not None and len(stacks) < recipe.octaves:
        stacks.append(octave_levels(base))
        keypoints = keypoints_in(stacks[-1], len(stacks) - 1, recipe)
        found.append(np.column_stack((keypoints, np.full(len(keypoints), len(stacks) - 1.0))))
        base = next_base(stacks[-1])
    keypoints = np.concatenate(found)
    return stacks, keypoints[np.argsort(-keypoints[:, 4], kind="stable")]


def _patch_level(radius_px: float, levels: int) -> int:
    """The level of the patch pyramid on which a sample of the patch is one to two pixels wide."""
    level = 0
    while level < levels - 1 and 2.0 * radius_px / SIDE >= 2.0 ** (level + 1):
        level += 1
    return level


@kernel
def _describe(
    keypoint: NDArray[np.float64],
    level: Grey,
    patch_level: Grey,
    patch_halvings: int,
    how: tuple[float, int, NDArray[np.float64], NDArray[np.float64]],
    out: tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float64]],
) -> int:
    """Hash one keypoint for each of its directions; returns how many regions were good enough and fitted."""
    window, directions, table, limits = how
    values, mirrored, measures = out
    x, y, sigma, response, radius, octave = (
        keypoint[0],
        keypoint[1],
        keypoint[3],
        keypoint[4],
        keypoint[5],
        keypoint[6],
    )
    turns_found = np.empty(2, np.float64)
    count = min(directions, orientations(level, x, y, window * sigma, turns_found))
    ratio = 2.0 ** (octave - patch_halvings)
    patch = np.empty((32, 32), np.float64)
    written = 0
    for k in range(count):
        if written == values.shape[0]:
            break
        sample(patch_level, x * ratio, y * ratio, radius * ratio, turns_found[k], patch)
        active, spread = activity(patch)
        frequencies = transform(patch, table)
        deviation = median_deviation(frequencies)
        if active < limits[0] or deviation < limits[1] or deviation < limits[2] * spread:
            continue
        taper(patch)
        frequencies = transform(patch, table)
        balanced = write_bits(frequencies, False, values[written])
        if not (write_bits(frequencies, True, mirrored[written]) and balanced):
            continue
        row = measures[written]
        row[0], row[1], row[2], row[3] = response, active, deviation, spread
        written += 1
    return written
