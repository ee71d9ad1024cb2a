"""A remembered question as bytes, sealed under a key that is not in the database.

Layout, before sealing: 4 bytes length of the description, little-endian; the description, JSON; the arrays, one after
the other. Sealed is AES-256-GCM with a random nonce, bound to the content's id. What another version has written, or
the database has lost bits of, is no question any more: it is forgotten, and the content is asked anew when the platform
checks it again.
"""

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from takeback.errors import CorruptDataError
from takeback.matching import Clip, RegionQuery
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.platform.question import Question, width_bytes
from takeback.platform.types import Media, MediaFacts

_VERSION: Final = 1
_LENGTH_BYTES: Final = 4
_NONCE_BYTES: Final = 12
_WHOLE: Final = (Algorithm.PDQ, Algorithm.MD5, Algorithm.SHA256)

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is kept of a content.

    Args:
        facts: what a reviewer is told of it.
        question: by what it is asked.
    """

    facts: MediaFacts
    question: Question


def seal(key: bytes, content_id: str, remembered: Remembered) -> bytes:
    """The bytes to store; ``key`` has 32 bytes."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, _to_bytes(remembered), content_id.encode())


def unseal(key: bytes, content_id: str, sealed: bytes) -> Remembered:
    """What was stored.

    Raises:
        CorruptDataError: ``remembered.unreadable``.
    """
    try:
        plain = AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], content_id.encode())
        return _from_bytes(plain)
    except (InvalidTag, ValueError, KeyError, TypeError) as error:
        raise CorruptDataError(
            "remembered.unreadable", "What was remembered of a content cannot be read.", detail=type(error).__name__
        ) from None


def _to_bytes(remembered: Remembered) -> bytes:
    parts = [*_whole_parts(remembered.question.fingerprints)]
    parts += [("regions", _arrays_of(one)) for one in remembered.question.regions]
    parts += [("clip", _arrays_of(one)) for one in remembered.question.clips]
    facts = remembered.facts
    description = {
        "version": _VERSION,
        "facts": [facts.width, facts.height, facts.media.value, facts.duration_s],
        "parts": [
            [kind, [[name, array.dtype.str, array.shape] for name, array in arrays.items()]] for kind, arrays in parts
        ],
    }
    text = json.dumps(description, separators=(",", ":")).encode()
    content = [np.ascontiguousarray(array).tobytes() for _, arrays in parts for array in arrays.values()]
    return b"".join([len(text).to_bytes(_LENGTH_BYTES, "little"), text, *content])


def _from_bytes(plain: bytes) -> Remembered:
    end = _LENGTH_BYTES + int.from_bytes(plain[:_LENGTH_BYTES], "little")
    description = json.loads(plain[_LENGTH_BYTES:end])
    if description["version"] != _VERSION:
        raise ValueError("version")
    width, height, media, duration_s = description["facts"]
    fingerprints: list[Fingerprint] = []
    regions: list[RegionQuery] = []
    clips: list[Clip] = []
    for kind, arrays in _read_parts(plain, end, description["parts"]):
        match kind:
            case "regions":
                regions.append(RegionQuery(**arrays))
            case "clip":
                clips.append(Clip(**arrays))
            case _:
                fingerprints += _fingerprints(Algorithm(kind), arrays)
    question = Question(tuple(fingerprints), tuple(regions), tuple(clips))
    return Remembered(MediaFacts(width, height, Media(media), duration_s), question)


def _read_parts(plain: bytes, at: int, described: Sequence[Any]) -> Iterator[tuple[str, Arrays]]:
    for kind, named in described:
        arrays: Arrays = {}
        for name, dtype, shape in named:
            size = np.dtype(dtype).itemsize * int(np.prod(shape))
            # A copy: the kernels are compiled for arrays that may be written.
            arrays[name] = np.frombuffer(plain[at : at + size], dtype).reshape(shape).copy()
            at += size
        yield kind, arrays


def _whole_parts(fingerprints: Sequence[Fingerprint]) -> Iterator[tuple[str, Arrays]]:
    for name in _WHOLE:
        mine = [one for one in fingerprints if one.algorithm is name]
        if not mine:
            continue
        raw = bytes.fromhex("".join(one.value for one in mine))
        arrays: Arrays = {"values": np.frombuffer(raw, np.uint8).reshape(-1, width_bytes(name))}
        if name is Algorithm.PDQ:
            arrays["quality"] = np.array([one.quality for one in mine], np.uint8)
        yield name.value, arrays


def _fingerprints(name: Algorithm, arrays: Arrays) -> list[Fingerprint]:
    texts = [row.tobytes().hex() for row in arrays["values"]]
    qualities = arrays["quality"].tolist() if "quality" in arrays else [None] * len(texts)
    return [Fingerprint(name, text, quality) for text, quality in zip(texts, qualities, strict=True)]


def _arrays_of(values: RegionQuery | Clip) -> Arrays:
    named = {one.name: getattr(values, one.name) for one in fields(values)}
    return {name: array for name, array in named.items() if array is not None}
