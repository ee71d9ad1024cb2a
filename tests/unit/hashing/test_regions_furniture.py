"""Lettering and interfaces: seen where they are, not asked, and so no reason to take two pictures for one."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageOps
from skimage import data as samples
from skimage.measure import label

from takeback.hashing.regions import RegionSet, regions_to_ask, regions_to_register
from takeback.hashing.regions.drawn import _measures, is_drawn
from takeback.hashing.regions.find import Band, find_regions
from takeback.hashing.regions.furniture import levels_of, picture_itself
from takeback.hashing.regions.grey import Grey, working_picture
from takeback.hashing.regions.lettering import _mark, _pieces, _rows_of, _words, lettering_in
from takeback.hashing.regions.recipe import Recipe
from takeback.hashing.regions.sets import USABLE
from takeback.matching.region_query import RegionQuery
from takeback.matching.region_rule import RegionRule
from takeback.model.match import Tier

NAMES = ("astronaut", "chelsea", "coffee", "rocket")
WORDS = "nobody has seen these words"


def picture(name: str) -> Image.Image:
    return Image.fromarray(getattr(samples, name)()).convert("RGB").resize((500, 400))


def grey_of(image: Image.Image) -> Grey:
    return working_picture(np.asarray(image.convert("RGB")), 512)


def written(image: Image.Image, fill: tuple[int, int, int] = (255, 255, 255), size: int = 36) -> Image.Image:
    out = image.copy()
    ImageDraw.Draw(out).text((12, 150), WORDS, fill, font_size=size, stroke_width=2, stroke_fill=(0, 0, 0))
    return out


def captioned(image: Image.Image) -> Image.Image:
    out = ImageOps.expand(image, (0, 110, 0, 0), (255, 255, 255))
    ImageDraw.Draw(out).text((12, 10), f"{WORDS}\nnor those below", (0, 0, 0), font_size=36)
    return out


def in_an_app(image: Image.Image) -> Image.Image:
    screen = Image.new("RGB", (540, 960), (24, 24, 26))
    screen.paste(ImageOps.contain(image, (540, 700)), (0, 150))
    draw = ImageDraw.Draw(screen)
    draw.ellipse((20, 60, 90, 130), (60, 160, 220))
    draw.text((110, 70), "a name that nobody has", (230, 230, 230), font_size=30)
    for x in range(5):
        draw.rounded_rectangle((40 + 100 * x, 640, 90 + 100 * x, 690), 12, outline=(230, 230, 230), width=5)
        draw.line((50 + 100 * x, 650, 80 + 100 * x, 680), (230, 230, 230), 4)
    return screen


def through_jpeg(image: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=40)
    return Image.open(stream).convert("RGB")


def as_query(regions: RegionSet) -> RegionQuery:
    return RegionQuery(regions.values, regions.strong, regions.places)


FURNITURE: dict[str, Callable[[Image.Image], Image.Image]] = {
    "words": written,
    "caption": captioned,
    "app": in_an_app,
    "words, saved badly": lambda image: through_jpeg(written(image)),
}


@pytest.mark.parametrize("furniture", FURNITURE)
def test_the_same_furniture_makes_no_match_and_hides_no_copy(furniture: str) -> None:
    put = FURNITURE[furniture]
    registered = {name: regions_to_register(np.asarray(put(picture(name)))) for name in NAMES}
    for name in NAMES:
        asked = regions_to_ask(np.asarray(put(picture(name))))
        tiers = {
            other: RegionRule().decide(RegionQuery(one.values, one.strong), as_query(asked)).tier
            for other, one in registered.items()
        }
        assert tiers == {other: Tier.HOLD if other == name else Tier.CLEAR for other in NAMES}


def stickered(image: Image.Image) -> Image.Image:
    """A round sticker with a face of its own, a quarter of the longer side."""
    out = image.copy()
    draw = ImageDraw.Draw(out)
    draw.circle((90, 90), 62, (40, 160, 90), (255, 255, 255), 5)
    draw.polygon([(60, 60), (90, 78), (120, 60), (112, 96), (90, 130), (68, 96)], (250, 240, 120))
    draw.circle((78, 92), 7, (30, 30, 30))
    draw.circle((102, 92), 7, (30, 30, 30))
    draw.rectangle((80, 108, 100, 114), (160, 30, 60))
    return out


def shaded(image: Image.Image) -> Image.Image:
    """A ball in four colours, light on one side and dark on the other."""
    y, x = np.mgrid[-1 : 1 : 90 * 1j, -1 : 1 : 90 * 1j]
    colours = np.array([(230, 60, 60), (250, 250, 245), (60, 90, 210), (245, 200, 50)])
    sectors = colours[((np.arctan2(y + 0.2, x + 0.1) + np.pi) / (2 * np.pi) * 4).astype(int) % 4]
    ball = np.clip(sectors * (1.1 - 0.6 * (x * x + y * y) - 0.25 * x)[..., np.newaxis], 0, 255)
    out = image.copy()
    cover = Image.fromarray(((np.hypot(x, y) < 1) * 255).astype(np.uint8))
    out.paste(Image.fromarray(ball.astype(np.uint8)), (380, 270), cover)
    return out


def with_a_photograph(image: Image.Image) -> Image.Image:
    """A small photograph in a corner, a fifth of the longer side."""
    out = image.copy()
    out.paste(Image.fromarray(samples.camera()).crop((180, 60, 330, 210)).convert("RGB").resize((100, 100)), (20, 20))
    return out


STICKERS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "flat": stickered,
    "flat, saved badly": lambda image: through_jpeg(stickered(image)),
    "shaded": shaded,
    "shaded, saved badly": lambda image: through_jpeg(shaded(image)),
}


def tiers_of_pairs(put: Callable[[Image.Image], Image.Image], *, places: bool = True) -> dict[tuple[str, str], Tier]:
    """What each of the pictures, with something put on it, is to each of the others that have it too."""
    registered = {name: regions_to_register(np.asarray(put(picture(name)))) for name in NAMES}
    asked = {name: as_query(regions_to_ask(np.asarray(put(picture(name))))) for name in NAMES}
    return {
        (one, other): RegionRule()
        .decide(
            RegionQuery(registered[one].values, registered[one].strong),
            asked[other] if places else RegionQuery(asked[other].values, asked[other].strong),
        )
        .tier
        for one in NAMES
        for other in NAMES
    }


@pytest.mark.parametrize("sticker", STICKERS)
def test_the_same_drawn_sticker_is_not_even_for_a_look_and_hides_no_copy(sticker: str) -> None:
    tiers = tiers_of_pairs(STICKERS[sticker])
    assert tiers == {(one, other): Tier.HOLD if one == other else Tier.CLEAR for one, other in tiers}


def test_the_same_small_photograph_in_both_is_for_a_look_and_holds_nothing() -> None:
    tiers = tiers_of_pairs(with_a_photograph)
    others = [tier for (one, other), tier in tiers.items() if one != other]
    assert all(tiers[name, name] is Tier.HOLD for name in NAMES)
    assert Tier.HOLD not in others
    assert others.count(Tier.LOOK) > len(others) / 2
    blind = tiers_of_pairs(with_a_photograph, places=False)
    assert [tier for (one, other), tier in blind.items() if one != other].count(Tier.HOLD) > len(others) / 2


def comic() -> Image.Image:
    random = np.random.default_rng(5)
    out = Image.new("RGB", (500, 400), (190, 220, 250))
    draw = ImageDraw.Draw(out)
    for _ in range(70):
        x, y, size = (int(value) for value in random.integers((0, 0, 12), (500, 400, 80)))
        colour = tuple(random.integers(0, 256, 3).tolist())
        corners = [(x + int(dx), y + int(dy)) for dx, dy in random.integers(-size, size, (4, 2))]
        draw.polygon(corners, colour, (0, 0, 0), 3)
        draw.ellipse((x, y, x + size, y + size * 0.7), colour[::-1], (0, 0, 0), 3)
    return out


def test_a_part_of_a_drawn_picture_is_found() -> None:
    registered = regions_to_register(np.asarray(comic()))
    asked = as_query(regions_to_ask(np.asarray(through_jpeg(comic().crop((60, 40, 440, 360))))))
    assert RegionRule().decide(RegionQuery(registered.values, registered.strong), asked).tier is Tier.HOLD


def test_a_sticker_is_asked_where_what_is_drawn_is() -> None:
    pixels = np.asarray(stickered(picture("coffee")))
    plain, both = regions_to_ask(pixels).places, regions_to_ask(pixels, drawn=True).places
    assert plain is not None
    assert both is not None
    on_sticker = [int((np.hypot(*(places * 500 - 90).T) < 40).sum()) for places in (plain, both)]
    assert on_sticker[0] == 0
    assert on_sticker[1] > 5


def in_the_dark(image: Image.Image) -> Image.Image:
    noise = np.random.default_rng(1).normal(0.0, 1.2, (400, 500, 3))
    return Image.fromarray(np.clip(np.asarray(image) * 0.3 + noise, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", [lambda image: image, in_the_dark, through_jpeg], ids=["plain", "dark", "jpeg"])
def test_hardly_anything_in_a_photograph_is_taken_for_drawn(
    name: str, change: Callable[[Image.Image], Image.Image]
) -> None:
    grey = grey_of(change(picture(name)))
    bands = (Band(16.0, np.inf, 400, 1),)
    circles = find_regions(grey, bands, USABLE, Recipe()).circles
    assert is_drawn(circles, levels_of(grey)).mean() < 0.2


@given(st.integers(0, 2**32 - 1), st.integers(0, 3))
@settings(max_examples=25, deadline=None)
def test_what_is_measured_of_a_circle_agrees_with_numpy(seed: int, blur: int) -> None:
    random = np.random.default_rng(seed)
    noise = Image.fromarray(random.integers(0, 256, (40, 52)).astype(np.uint8)).filter(ImageFilter.GaussianBlur(blur))
    levels = np.asarray(noise)
    circle = np.array([[random.uniform(2, 50), random.uniform(2, 38), random.uniform(6, 20)]])
    y, x = np.mgrid[0:40, 0:52]
    inside = (x - circle[0, 0]) ** 2 + (y - circle[0, 1]) ** 2 <= (0.7 * circle[0, 2]) ** 2
    greys = np.sort(levels[inside]).astype(np.int64)
    width = max(1, int(min(14.0, 0.2 * greys.std()) + 0.5))
    held = 0
    for _ in range(3):
        best = max(range(256), key=lambda top: (np.count_nonzero((greys > top - width) & (greys <= top)), -top))
        taken = (greys > best - width) & (greys <= best)
        held += int(taken.sum())
        greys = greys[~taken]
    around = sliding_window_view(np.pad(levels, 1, "edge"), (3, 3)).astype(int)
    steps = np.sort((around.max(axis=(2, 3)) - around.min(axis=(2, 3)))[inside])
    median, steepest = (steps[int(np.ceil(share * len(steps))) - 1] for share in (0.5, 0.95))
    expected = [held / inside.sum(), median / max(1, steepest)]
    assert _measures(circle, levels)[0].tolist() == pytest.approx(expected)


def signed(times: int) -> NDArray[np.uint8]:
    """A picture with a small photograph on it, once or more often, saved as people do."""
    out = picture("astronaut").resize((640, 480))
    sign = Image.fromarray(samples.camera()).crop((180, 60, 330, 210)).convert("RGB").resize((120, 120))
    for left in (20, 180, 340, 500)[:times]:
        out.paste(sign, (left, 20))
    return np.asarray(through_jpeg(out))


def on_first_sign(pixels: NDArray[np.uint8]) -> int:
    places = regions_to_ask(pixels).places
    assert places is not None
    x, y = places[:, 0] * 640, places[:, 1] * 640
    return int(np.count_nonzero((x > 25) & (x < 135) & (y > 25) & (y < 135)))


def test_what_a_picture_has_twice_is_not_asked() -> None:
    assert on_first_sign(signed(1)) >= 10
    assert on_first_sign(signed(4)) < on_first_sign(signed(1)) * 2 / 3


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_picture_that_was_put_there_twice_is_found(name: str, mirrored: bool) -> None:
    one = picture(name)
    both = Image.new("RGB", (1000, 400))
    both.paste(one, (0, 0))
    both.paste(ImageOps.mirror(one) if mirrored else one, (500, 0))
    registered = regions_to_register(np.asarray(one))
    asked = regions_to_ask(np.asarray(through_jpeg(both)))
    assert RegionRule().decide(RegionQuery(registered.values, registered.strong), as_query(asked)).tier is Tier.HOLD


@pytest.mark.parametrize("stretched", [False, True])
def test_each_region_has_its_place_in_the_picture(stretched: bool) -> None:
    wide = np.asarray(picture("chelsea").crop((0, 60, 500, 320)))
    alone = np.full_like(wide, 127)
    alone[:, 250:] = wide[:, 250:]
    asked = regions_to_ask(alone, stretched=stretched)
    assert asked.places is not None
    assert asked.places.shape == (len(asked), 2)
    assert len(asked) > 40
    assert asked.places[:, 0].min() > 0.45
    assert 0.7 < asked.places[:, 0].max() <= 1.0
    assert 0.2 < asked.places[:, 1].max() <= 0.52


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", ["as it is", "on its side", "saved badly"])
def test_words_are_seen_and_little_else(name: str, change: str) -> None:
    changes: dict[str, Callable[[Image.Image], Image.Image]] = {
        "as it is": lambda image: image,
        "on its side": lambda image: image.transpose(Image.Transpose.ROTATE_90),
        "saved badly": through_jpeg,
    }
    make = changes[change]
    before, after = grey_of(make(picture(name))), grey_of(make(written(picture(name))))
    words = np.abs(before - after) > 60
    seen = lettering_in(after)
    assert seen[words].mean() > 0.85
    assert seen.mean() < 0.4
    assert lettering_in(before).mean() < 0.25  # fur makes rows of strokes as well


def test_a_picture_without_bars_or_words_keeps_its_regions_and_one_in_an_app_those_inside() -> None:
    circles = np.array([[256.0, 200.0, 40.0], [100.0, 300.0, 20.0]])
    assert picture_itself(grey_of(picture("chelsea")))(circles).all()
    # The app is 540 x 960, so the working picture shrinks it by 1.875: head, picture, buttons.
    places = np.array([[30.0, 51.0, 20.0], [144.0, 180.0, 40.0], [100.0, 355.0, 24.0]])
    assert picture_itself(grey_of(in_an_app(picture("chelsea"))))(places).tolist() == [False, True, False]


@pytest.mark.parametrize("level", [0.0, 128.0, 255.0])
def test_a_picture_of_one_grey_has_none(level: float) -> None:
    assert not lettering_in(np.full((16, 512), level, np.float32)).any()


Patches = NDArray[np.bool_]


def squares(seed: int, count: int) -> tuple[Grey, Patches]:
    """White blocks on black, some of which touch."""
    random = np.random.default_rng(seed)
    white = np.zeros((160, 200), np.bool_)
    for _ in range(count):
        y, x, high, wide = random.integers((0, 0, 4, 4), (150, 190, 30, 30)).tolist()
        white[y : y + high, x : x + wide] = True
    return np.where(white, np.float32(255), np.float32(0)).astype(np.float32), white


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**16), st.integers(1, 30))
def test_pieces_are_the_connected_parts(seed: int, count: int) -> None:
    grey, white = squares(seed, count)
    labels = label(white, connectivity=1)
    boxes = set()
    for number in range(1, int(labels.max()) + 1):
        rows, columns = np.nonzero(labels == number)
        left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        around = white[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2]
        if len(rows) >= 12 and 6 <= max(right - left, bottom - top) <= 0.3 * 200 and not around.all():
            boxes.add((left, top, right, bottom))
    assert {tuple(piece[:4].astype(int)) for piece in _pieces(grey, 128.0, True)} == boxes


def row_of_pieces(places: list[tuple[float, float]]) -> NDArray[np.float32]:
    """Pieces of 10 x 16 pixels."""
    return np.array([[x, y, x + 10, y + 16, 200] for x, y in places], np.float32).reshape(-1, 5)


def marked(pieces: NDArray[np.float32]) -> NDArray[np.bool_]:
    mask = np.zeros((100, 100), np.bool_)
    _mark(_words(_rows_of(pieces)), mask)
    return mask


FOUR = [(10.0, 20.0), (24.0, 20.0), (38.0, 22.0), (52.0, 20.0)]


@pytest.mark.parametrize(
    ("places", "is_row"),
    [
        (FOUR, True),
        (FOUR[:3], False),
        ([*FOUR[:3], (70, 20)], False),
        ([(10, 20), (24, 40), (38, 60), (52, 80)], False),
        ([], False),
    ],
)
def test_a_row_is_four_neighbours_on_one_line(places: list[tuple[float, float]], is_row: bool) -> None:
    mask = marked(row_of_pieces(places))
    assert mask.any() == is_row
    if is_row:
        assert mask[20:38, 10:62].all()
        assert mask.sum() < 30 * 60


def test_beside_words_two_letters_of_their_size_are_words() -> None:
    two = [(30.0, 70.0), (44.0, 70.0)]
    beside = row_of_pieces(sorted([*FOUR, *two]))
    assert marked(beside)[70:86, 30:54].all()
    assert not marked(row_of_pieces(two)).any()
    taller = beside.copy()
    taller[taller[:, 1] == 70, 3] += 8
    assert not marked(taller)[64:].any()
    assert not marked(row_of_pieces(sorted([*FOUR, two[0]])))[64:].any()


def test_pieces_of_unlike_grey_or_height_are_no_row() -> None:
    for column, value in ((4, 120.0), (3, 60.0)):
        changed = row_of_pieces(FOUR)
        changed[2, column] = value
        assert not marked(changed).any()
