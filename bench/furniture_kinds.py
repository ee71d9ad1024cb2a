"""The kinds of furniture that unrelated pictures are put into, by the names of the report."""

from collections.abc import Callable

import numpy as np
from PIL import Image

import furniture as known
import furniture_unseen as unseen

Kind = Callable[[Image.Image], Image.Image]


def _same(seed: int) -> np.random.Generator:
    """The same numbers for every picture, so that the furniture is at the same place with the same words."""
    return np.random.default_rng(seed)


FURNITURE: dict[str, Kind] = {
    "phone, light": lambda picture: known.phone_screenshot(picture, dark=False),
    "phone, dark": lambda picture: known.phone_screenshot(picture, dark=True),
    "post frame": known.post_frame,
    "caption band": known.caption_band,
    "caption over": known.caption_over,
    "caption, other words": lambda picture: known.caption_band(picture, "nobody asked for this one"),
    "text": lambda picture: known.meme_text(picture, _same(2)),
    "text everywhere": lambda picture: known.lettering(picture, _same(3)),
    "coloured text": known.coloured_text,
    "watermark": known.watermark,
    "logo watermark": known.logo_watermark,
    "large word": known.large_word,
    "badge": known.badge,
    "badge, saved badly": lambda picture: known.saved_badly(known.badge(picture)),
    "badge, large": lambda picture: known.badge(picture, 0.25),
    "seal": known.seal,
    "seal, saved badly": lambda picture: known.saved_badly(known.seal(picture)),
    "tag": known.tag,
    "crossed": known.crossed,
    "emoji": lambda picture: known.emoji(picture, _same(4), 0.30),
    "ball": known.ball,
    "small photograph": known.small_photograph,
    "black bars": lambda picture: known.black_bars(picture, across=False),
    "unseen: station sign": unseen.station_sign,
    "unseen: name bar": unseen.name_bar,
    "unseen: speech bubble": unseen.speech_bubble,
    "unseen: talking frame": unseen.talking_frame,
    "unseen: scan code": unseen.scan_code,
    "unseen: shaded sticker": unseen.shaded_sticker,
}
