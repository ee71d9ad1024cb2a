"""The frames by which a video is known, and those by which it is asked.

**Source:** docs/video.md §2, §4 and §5.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from takeback.hashing.variants import Box
from takeback.hashing.video.choose import (
    Sampling,
    Seen,
    frames_to_register,
    is_scene_between,
    stable_picture,
    thinned,
    ticks_between,
)
from takeback.hashing.video.dark_bars import DarkBars
from takeback.hashing.video.hashed import AskedFrames
from takeback.hashing.video.looks import Look, Looks, Notes, as_it_is, trimmed_to
from takeback.model.video import TICKS_A_SECOND, VideoFrame


def known_frames(looks: Looks, notes: Notes) -> tuple[VideoFrame, ...]:
    """docs/video.md §2: main pictures, then what lies between two of them where they differ.

    One pass over all ticks while steps are short, because everything between is decoded anyway; two when they are long.
    What a video with bars needs once more (``known_trimmed_frames``) is kept.
    """
    sampling = notes.sampling
    step = sampling.step
    one_pass = step == TICKS_A_SECOND
    main: list[Seen] = []
    passed: dict[int, Look] = {}
    between: dict[int, Seen] = {}
    for tick, look in looks.at(range(0, sampling.tick_count, 1 if one_pass else step), as_it_is):
        if tick % step:
            passed[tick] = look
            continue
        main.append(look.seen(tick))
        notes.add(look, main[-1])
        has_bars = notes.box() is not None
        if has_bars:
            looks.keep(tick, look)
        if len(main) > 1 and is_scene_between(main[-2], main[-1]):
            for at, kept in passed.items():
                between[at] = kept.seen(at)
                if has_bars:
                    looks.keep(at, kept)
        passed.clear()
    return _with_scenes(looks, sampling, main, between)


def known_trimmed_frames(looks: Looks, sampling: Sampling, box: Box) -> tuple[VideoFrame, ...]:
    """The same of what is inside of the bars."""
    ticks = range(0, sampling.tick_count, sampling.step)
    main = [look.seen(tick) for tick, look in looks.at(ticks, trimmed_to(box))]
    return _with_scenes(looks, sampling, main, {}, box)


def _with_scenes(
    looks: Looks, sampling: Sampling, main: Sequence[Seen], between: dict[int, Seen], box: Box | None = None
) -> tuple[VideoFrame, ...]:
    pairs = [pair for pair in pairwise(main) if sampling.has_scenes and is_scene_between(*pair)]
    wanted = [tick for before, _ in pairs for tick in ticks_between(before.tick, sampling.step)]
    missing = [tick for tick in wanted if tick not in between]
    view = as_it_is if box is None else trimmed_to(box)
    seen = between | {tick: look.seen(tick) for tick, look in looks.at(missing, view)}
    scenes = [_scene(before, after, seen, sampling.step) for before, after in pairs]
    return frames_to_register(main, [one for one in scenes if one is not None], sampling.few_frames)


def _scene(before: Seen, after: Seen, between: dict[int, Seen], step: int) -> Seen | None:
    ticks = ticks_between(before.tick, step)
    return stable_picture(before, [between[tick] for tick in ticks if tick in between], after)


def asked_frames(looks: Looks, notes: Notes, ticks: Sequence[int]) -> list[AskedFrames]:
    """docs/video.md §4. What is trimmed to a box that turns out later to be too small is decoded once more."""
    rate = notes.sampling.ticks_a_second
    plain: dict[int, tuple[Seen, Seen]] = {}
    trimmed: dict[int, tuple[Box, tuple[Seen, Seen]]] = {}
    dark = DarkBars()
    for tick, look in looks.at(ticks, as_it_is):
        plain[tick] = look.both(tick)
        notes.add(look, plain[tick][0])
        if (box := notes.box()) is not None:
            trimmed[tick] = box, Look(look.luma, trimmed_to(box)).both(tick)
        if not dark.is_over:
            dark.add(tick, look.luma())
    box = notes.box()
    crops = (plain.values(), *dark.crops(box))
    found = [_asked(seen, rate) for crop in crops for seen in zip(*crop, strict=True)]
    if box is None:
        return found
    right = {tick: both for tick, (used, both) in trimmed.items() if used == box}
    rest = [tick for tick in ticks if tick not in right]
    right |= {tick: look.both(tick) for tick, look in looks.at(rest, trimmed_to(box))}
    return found + [_asked(seen, rate) for seen in zip(*(right[tick] for tick in sorted(right)), strict=True)]


def _asked(seen: tuple[Seen, ...], ticks_a_second: int) -> AskedFrames:
    frames = thinned(seen)
    values = np.frombuffer(b"".join(one.pdq for one in frames), np.uint8).reshape(-1, 32)
    quarters = np.array([one.tick for one in frames], np.float64) * (TICKS_A_SECOND / ticks_a_second)
    return AskedFrames(values, quarters, np.array([one.quality for one in frames], np.uint8))
