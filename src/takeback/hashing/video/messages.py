"""What goes between the process that asks and the one that decodes: one JSON object a line, either way.

The decoding process may have been taken over by the file it read. So nothing of what it says is trusted: no pickle,
and every value is checked as one that came over the network would be.
"""

import base64
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from takeback.errors import InvalidInputError, TakebackError, UnusableMediaError
from takeback.hashing.regions.sets import RegionSet
from takeback.hashing.video.hashed import AskedFrames, HashedVideo
from takeback.hashing.video.limits import MAX_DURATION_S
from takeback.model.fingerprint import Algorithm, Fingerprint, parse_fingerprint
from takeback.model.video import TICKS_A_SECOND

_VALUE_BYTES = 32
_MOST_FORMS = 12
"""As it is, trimmed and cropped in up to four ways, each mirrored too."""

_MOST_KEYS = 12
_MAX_QUALITY = 100
_MAX_TICK = MAX_DURATION_S * TICKS_A_SECOND
_PLACES_A_SIDE = 10_000


@dataclass(frozen=True, slots=True)
class Job:
    """What to do with a file.

    Args:
        path: the file.
        kind: ``register``, ``ask``, ``glimpse`` or ``stills``.
        extras: with edited copies, or with regions.
        times_s: of stills.
        long_side_px: of stills.
        blur: of stills.
    """

    path: str
    kind: str
    extras: bool = False
    times_s: tuple[float, ...] = ()
    long_side_px: int = 0
    blur: bool = True


def error_line(error: TakebackError) -> bytes:
    """An answer that is an error."""
    is_media = isinstance(error, UnusableMediaError)
    return _line({"error": {"media": is_media, "code": error.code, "message": error.message}})


def video_line(video: HashedVideo) -> bytes:
    """An answer that is a hashed video."""
    return _line(
        {
            "width": video.width,
            "height": video.height,
            "duration_s": video.duration_s,
            "fingerprints": [[one.algorithm.value, one.value] for one in video.fingerprints],
            "key_times_s": video.key_times_s,
            "asked": [
                {"values": _text(one.values), "ticks": one.ticks.tolist(), "qualities": one.qualities.tolist()}
                for one in video.asked
            ],
            "regions": [_region_row(one) for one in video.regions],
        }
    )


def stills_line(stills: list[bytes]) -> bytes:
    """An answer that is pictures."""
    return _line({"stills": [base64.b64encode(one).decode("ascii") for one in stills]})


def parse_video_line(untrusted_line: bytes) -> HashedVideo:
    """Read an answer.

    Raises:
        UnusableMediaError: what the worker found, or ``media.crashed`` for an answer that is none.
        InvalidInputError: ``file.unreadable``.
    """
    answer = _answer(untrusted_line)
    try:
        found = HashedVideo(
            int(answer["width"]),
            int(answer["height"]),
            float(answer["duration_s"]),
            tuple(_fingerprint(*one) for one in answer["fingerprints"]),
            tuple(float(one) for one in answer["key_times_s"]),
            tuple(
                AskedFrames(_values(one["values"]), _ticks(one["ticks"]), _qualities(one["qualities"]))
                for one in answer["asked"][:_MOST_FORMS]
            ),
            tuple(_region_set(one) for one in answer["regions"][:_MOST_KEYS]),
        )
        sets = sum(one.algorithm is Algorithm.PDQ_REGION for one in found.fingerprints)
        sizes_fit = all(len(one.values) == len(one.ticks) == len(one.qualities) for one in found.asked)
    except (KeyError, TypeError, ValueError, OverflowError, InvalidInputError) as error:
        raise crashed() from error
    if not sizes_fit or sets != len(found.key_times_s):
        raise crashed()
    return found


def parse_stills_line(untrusted_line: bytes) -> list[bytes]:
    """Read an answer. The pictures are to be read with as much care as anybody's.

    Raises:
        UnusableMediaError: what the worker found, or ``media.crashed`` for an answer that is none.
        InvalidInputError: ``file.unreadable``.
    """
    answer = _answer(untrusted_line)
    try:
        return [base64.b64decode(one, validate=True) for one in answer["stills"]]
    except (KeyError, TypeError, ValueError) as error:
        raise crashed() from error


def crashed() -> UnusableMediaError:
    """The worker ended without an answer, or with none that makes sense."""
    return UnusableMediaError("media.crashed", "This video is damaged in a way that our decoder does not survive.")


def _answer(untrusted_line: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(untrusted_line)
    except ValueError as error:
        raise crashed() from error
    if not isinstance(answer, dict):
        raise crashed()
    found: dict[str, Any] = answer
    reported = found.get("error")
    if reported is None:
        return found
    if not isinstance(reported, dict):
        raise crashed()
    family = UnusableMediaError if reported.get("media") is True else InvalidInputError
    raise family(str(reported.get("code")), str(reported.get("message")))


def _fingerprint(name: str, value: str) -> Fingerprint:
    return parse_fingerprint(Algorithm(name), value, None)


def _values(untrusted_text: str) -> NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex(untrusted_text), np.uint8).reshape(-1, _VALUE_BYTES)


def _ticks(untrusted: list[float]) -> NDArray[np.float64]:
    ticks = np.array(untrusted, np.float64)
    finite = ticks.ndim == 1 and np.isfinite(ticks).all()
    if not finite or (len(ticks) and (ticks[0] < 0 or ticks[-1] > _MAX_TICK or np.any(np.diff(ticks) <= 0))):
        raise ValueError("ticks")
    return ticks


def _qualities(untrusted: list[int]) -> NDArray[np.uint8]:
    qualities = np.array(untrusted, np.int64)
    if qualities.ndim != 1 or np.any((qualities < 0) | (qualities > _MAX_QUALITY)):
        raise ValueError("qualities")
    return qualities.astype(np.uint8)


def _flags(untrusted: list[bool]) -> NDArray[np.bool_]:
    flags = np.array(untrusted, np.bool_)
    if flags.ndim != 1:
        raise ValueError("flags")
    return flags


def _region_row(regions: RegionSet) -> dict[str, object]:
    places = None if regions.places is None else np.rint(regions.places * _PLACES_A_SIDE).astype(np.int64).tolist()
    return {"values": _text(regions.values), "strong": regions.strong.tolist(), "places": places}


def _region_set(untrusted_row: dict[str, Any]) -> RegionSet:
    values, strong = _values(untrusted_row["values"]), _flags(untrusted_row["strong"])
    numbers = np.array(untrusted_row["places"], np.int64).reshape(-1, 2)
    if not len(values) == len(strong) == len(numbers) or np.any((numbers < 0) | (numbers > _PLACES_A_SIDE)):
        raise ValueError("regions")
    return RegionSet(values, strong, (numbers / _PLACES_A_SIDE).astype(np.float32))


def _text(values: NDArray[np.uint8]) -> str:
    return values.tobytes().hex()


def _line(answer: dict[str, object]) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode("ascii") + b"\n"
