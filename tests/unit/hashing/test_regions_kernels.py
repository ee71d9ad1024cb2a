"""The region kernels beside short references."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from takeback.hashing.regions.exact import cos_sin, exp, exp2, turns
from takeback.hashing.regions.grey import working_picture
from takeback.hashing.regions.keypoints import keypoints_in
from takeback.hashing.regions.orientation import orientations
from takeback.hashing.regions.patch import activity, cosines, median_deviation, sample, taper, transform, write_bits
from takeback.hashing.regions.recipe import Recipe
from takeback.hashing.regions.scale_space import blurred, gaussian, octave_base, octave_levels

Floats = NDArray[np.float64]

# The first example may have to wait for the compiler.
slow_start = settings(deadline=None)
slow_start_20 = settings(deadline=None, max_examples=20)


@slow_start
@given(st.floats(-12, 4))
def test_exp(x: float) -> None:
    assert exp(x) == pytest.approx(math.exp(x), rel=1e-13)
    assert exp2(x / 2) == pytest.approx(2.0 ** (x / 2), rel=1e-13)


@slow_start
@given(st.floats(-8, 8))
def test_cosine_and_sine(angle: float) -> None:
    assert cos_sin(angle) == pytest.approx((math.cos(angle), math.sin(angle)), abs=2e-15)


@slow_start
@given(st.floats(-300, 300), st.floats(-300, 300))
def test_direction(y: float, x: float) -> None:
    turn = turns(y, x)
    assert 0.0 <= turn <= 1.0
    if math.hypot(x, y) > 1e-6:
        apart = abs(turn - math.atan2(y, x) / (2 * math.pi)) % 1.0
        assert min(apart, 1.0 - apart) < 2e-6


def area_average(lines: Floats, out_length: int) -> Floats:
    """Average over [i m/n, (i+1) m/n) along the first axis, by a running integral."""
    integral = np.concatenate((np.zeros((1, *lines.shape[1:])), lines.cumsum(axis=0)))
    edges = np.arange(out_length + 1) * len(lines) / out_length
    low = np.minimum(edges.astype(int), len(lines) - 1)
    at = integral[low] + (edges - low)[:, None] * lines[low]
    averages: Floats = np.diff(at, axis=0) * out_length / len(lines)
    return averages


@slow_start_20
@given(st.integers(40, 300), st.integers(40, 300), st.integers(0, 99))
def test_shrinking_is_an_exact_area_average(height: int, width: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 1)).astype(np.uint8)
    small = working_picture(pixels, 37)
    along = area_average(pixels[:, :, 0].astype(np.float64).T, small.shape[1]).T
    assert small == pytest.approx(area_average(along, small.shape[0]), abs=1e-3)


def test_enlarging_is_linear_between_centres() -> None:
    pixels = np.broadcast_to(np.arange(0, 200, 10).astype(np.uint8)[None, :, None], (20, 20, 3))
    large = working_picture(np.ascontiguousarray(pixels), 100)
    centres = np.clip((np.arange(100) + 0.5) / 5 - 0.5, 0, 19)
    assert large[50] == pytest.approx(centres * 10, abs=1e-3)


@slow_start_20
@given(st.integers(16, 70), st.integers(16, 70), st.sampled_from([0.8, 1.5, 3.1]), st.integers(0, 99))
def test_blur_mirrors_at_the_border(height: int, width: int, sigma: float, seed: int) -> None:
    image = np.random.default_rng(seed).uniform(0, 255, (height, width)).astype(np.float32)
    side = np.exp(-(np.arange(math.ceil(3 * sigma) + 1) ** 2) / (2 * sigma * sigma))
    kernel = np.concatenate((side[:0:-1], side))
    kernel /= kernel.sum()
    padded = np.pad(image.astype(np.float64), len(side) - 1, mode="symmetric")
    rows = np.apply_along_axis(lambda line: np.convolve(line, kernel, "valid"), 1, padded)
    expected = np.apply_along_axis(lambda line: np.convolve(line, kernel, "valid"), 0, rows)
    assert blurred(image, gaussian(sigma)) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("sigma", [2.2, 3.0])
def test_a_blob_is_a_keypoint_at_its_centre_with_its_size(sigma: float) -> None:
    y, x = np.mgrid[0:120, 0:160]
    blob = (40 + 150 * np.exp(-((x - 81.3) ** 2 + (y - 60.7) ** 2) / (2 * sigma * sigma))).astype(np.float32)
    levels = octave_levels(octave_base(blob))
    found = keypoints_in(levels, 0, Recipe(min_radius_px=1.0))
    strongest = found[np.argmax(found[:, 4])]
    assert strongest[:2] == pytest.approx((81.3, 60.7), abs=0.1)
    # A blob answers most at a scale a little under its own; some blur of the camera is taken as given.
    assert strongest[3] == pytest.approx(sigma, rel=0.25)
    assert strongest[5] == pytest.approx(8 * strongest[3])


@pytest.mark.parametrize("degrees", [0, 33, 90, 171, 260, 359])
def test_the_direction_is_that_of_the_gradient(degrees: int) -> None:
    angle = math.radians(degrees)
    y, x = np.mgrid[0:80, 0:80]
    ramp = (100 + math.cos(angle) * x + math.sin(angle) * y).astype(np.float32)
    found = np.empty(2)
    assert orientations(ramp, 40.2, 39.6, 5.0, found) == 1
    apart = abs(found[0] - degrees / 360) % 1.0
    assert min(apart, 1 - apart) < 0.002


@slow_start
@given(st.integers(0, 500))
def test_transform_bits_and_quality(seed: int) -> None:
    patch = np.random.default_rng(seed).uniform(0, 255, (32, 32))
    i, j = np.mgrid[1:17, 0:32]
    matrix = math.sqrt(2 / 32) * np.cos(math.pi / 64 * i * (2 * j + 1))
    expected = matrix @ patch @ matrix.T
    frequencies = transform(patch, cosines())
    assert frequencies == pytest.approx(expected, abs=1e-9)
    bits = np.empty(32, np.uint8)
    assert write_bits(frequencies, False, bits)
    assert np.unpackbits(bits).tolist() == (expected.ravel() > np.median(expected)).tolist()
    assert median_deviation(frequencies) == pytest.approx(np.median(np.abs(expected - np.median(expected))))
    active, spread = activity(patch)
    differences = np.concatenate((np.diff(patch, axis=0).ravel(), np.diff(patch, axis=1).ravel()))
    assert active == pytest.approx(np.abs(differences).mean())
    assert spread == pytest.approx(patch.std())


@slow_start
@given(st.integers(0, 500))
def test_the_mirrored_bits_are_those_of_the_patch_upside_down(seed: int) -> None:
    patch = np.random.default_rng(seed).uniform(0, 255, (32, 32))
    upside_down = np.ascontiguousarray(patch[::-1])
    taper(patch)
    taper(upside_down)
    mirrored, plain = np.empty(32, np.uint8), np.empty(32, np.uint8)
    write_bits(transform(patch, cosines()), True, mirrored)
    write_bits(transform(upside_down, cosines()), False, plain)
    assert np.bitwise_count(mirrored ^ plain).sum() <= 2


def test_a_flat_patch_has_no_balanced_bits() -> None:
    patch = np.full((32, 32), 90.0)
    taper(patch)
    assert not write_bits(transform(patch, cosines()), False, np.empty(32, np.uint8))


@pytest.mark.parametrize("quarter", [0, 1, 2, 3])
def test_sampling_turns_with_the_direction(quarter: int) -> None:
    y, x = np.mgrid[0:101, 0:101]
    level = (x + 2 * y).astype(np.float32)
    patch = np.empty((32, 32))
    sample(level, 50.0, 50.0, 16.0, quarter / 4, patch)
    upright = (np.arange(32) - 15.5)[None, :] + 2 * (np.arange(32) - 15.5)[:, None] + 150
    # A patch whose horizontal axis points down reads the picture turned by a quarter the other way.
    assert patch == pytest.approx(np.rot90(upright, quarter), abs=1e-3)
