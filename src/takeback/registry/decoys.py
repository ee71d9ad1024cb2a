"""Decoys and canaries: made-up entries that look real, match nothing, and that only the registry's key recognises.

A decoy carries its own proof: half of a value is drawn, the other half follows from it under the key. So no table says
which entries are decoys, and a copy of the database without ``keys/`` cannot tell them apart; with the key, one value
is enough. They withstand looking, not study: the regions or frames of a decoy are less alike than a real picture's.

A canary is the same under a key of one partner, which follows from the registry's: one value of it names the partner.

**Source:** docs/protocol/case-v1.md §7.3 and §7.5; docs/adr/0030-company-and-decoys.md and 0033-canaries.md.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from random import SystemRandom
from typing import assert_never

from takeback.model.fingerprint import MAX_REGIONS, Algorithm, Fingerprint
from takeback.model.video import MAX_VIDEO_FRAMES, Video, VideoFrame, parse_video, video_value

KEY_BYTES = 32
_HALF_BYTES = 16
_HALF_BITS = 128
_PDQ_BYTES = 32
_ONES = 128
"""Bits set in a PDQ value: it is cut at its median."""

MIN_LIFE_DAYS, MAX_LIFE_DAYS = 14, 180
"""A decoy's entry lives between so many days, drawn by the key."""

_LONGEST_LIFE_DAYS = 3650
_ONE_LONG_LIFE_IN = 4
"""One canary in so many lives for up to ten years: by their age alone old entries must not be safe to leak."""

_LOOKED_AT_FIRST = 16
"""Places of a half that decide about nearly every value that is not ours."""

_MAX_TICK = 65_535
_USUAL_QUALITIES = (100, 100, 100, 100, 99, 97, 92, 85, 76, 68)
_CHANGED_PAIRS = (16, 30)
"""Bits swapped between two frames of one scene: 32 to 60, as far apart as frames are that are kept."""


@dataclass(frozen=True, slots=True)
class Decoys:
    """Makes decoys and recognises them.

    Args:
        key: 32 secret bytes.
        random: where the drawn part comes from.
    """

    key: bytes = field(repr=False)
    random: SystemRandom = field(default_factory=SystemRandom, repr=False)

    def like(self, model: Fingerprint) -> Fingerprint:
        """A decoy that could stand beside a fingerprint: same algorithm, similar size, plausible quality."""
        match model.algorithm:
            case Algorithm.PDQ:
                return Fingerprint(Algorithm.PDQ, self._pdq().hex(), self._quality_like(model.quality))
            case Algorithm.MD5 | Algorithm.SHA256:
                return Fingerprint(model.algorithm, self._digest(len(model.value) // 2).hex())
            case Algorithm.PDQ_REGION:
                return Fingerprint(Algorithm.PDQ_REGION, self._regions_like(bytes.fromhex(model.value)).hex())
            case Algorithm.VPDQ:
                return Fingerprint(Algorithm.VPDQ, video_value(self._video_like(parse_video(model.value))))
            case _:
                assert_never(model.algorithm)

    def is_decoy(self, value: bytes) -> bool:
        """Whether any of these bytes are a decoy's: a digest, a PDQ, or a part of a set of regions or of a video."""
        if len(value) == _HALF_BYTES or (len(value) == _PDQ_BYTES and self._is_digest(value)):
            return self._is_digest(value)
        return any(self._is_pdq(part) for part in pdq_parts(value))

    def of_partner(self, partner_id: str) -> "Decoys":
        """Makes and recognises the canaries of one partner."""
        return Decoys(self._mac("canary", partner_id.encode("ascii")), self.random)

    def hold_of_canary(self, digest: bytes) -> bytes:
        """What the hold of a canary is filed under, from the SHA-256 of its value."""
        return hashlib.sha256(self._mac("canary-hold", digest)[:_HALF_BYTES]).digest()

    def last_day_of_canary(self, digest: bytes, day: int) -> int:
        """From which day on a canary that came on ``day`` may go."""
        draw = self._mac("canary-life", digest)
        is_long = draw[0] % _ONE_LONG_LIFE_IN == 0
        shortest, longest = (MAX_LIFE_DAYS, _LONGEST_LIFE_DAYS) if is_long else (MIN_LIFE_DAYS, MAX_LIFE_DAYS)
        return day + shortest + int.from_bytes(draw[1:9], "big") % (longest - shortest + 1)

    def token_hash(self, day: int, number: int) -> bytes:
        """What the hold of a day's n-th decoy is filed under: to anybody else as random as any other."""
        return hashlib.sha256(self._mac("token", _numbered(day, number))[:_HALF_BYTES]).digest()

    def last_day(self, day: int, number: int) -> int:
        """From which day on it may go."""
        draw = int.from_bytes(self._mac("life", _numbered(day, number))[:8], "big")
        return day + MIN_LIFE_DAYS + draw % (MAX_LIFE_DAYS - MIN_LIFE_DAYS + 1)

    def _pdq(self) -> bytes:
        drawn = self.random.randbytes(_HALF_BYTES)
        return drawn + self._other_half(drawn)

    def _is_pdq(self, value: bytes) -> bool:
        drawn, half = value[:_HALF_BYTES], value[_HALF_BYTES:]
        return self._may_be_other_half(drawn, half) and hmac.compare_digest(self._other_half(drawn), half)

    def _other_half(self, drawn: bytes) -> bytes:
        """The half that makes the whole have 128 ones, in places that the key draws."""
        ones = _ONES - int.from_bytes(drawn, "big").bit_count()
        draws = self._draws(drawn, _HALF_BITS)
        order = sorted(range(_HALF_BITS), key=draws.__getitem__)
        return sum(1 << place for place in order[:ones]).to_bytes(_HALF_BYTES, "big")

    def _may_be_other_half(self, drawn: bytes, half: bytes) -> bool:
        """``False`` for most that are not, at a tenth of the cost: the places that are set have the lowest draws."""
        number = int.from_bytes(half, "big")
        highest_set, lowest_clear = b"", b"\xff" * 4
        for place, draw in enumerate(self._draws(drawn, _LOOKED_AT_FIRST)):
            if number >> place & 1:
                highest_set = max(highest_set, draw)
            else:
                lowest_clear = min(lowest_clear, draw)
            if highest_set > lowest_clear:
                return False
        return True

    def _draws(self, drawn: bytes, places: int) -> list[bytes]:
        """What the key draws for the first places of the other half."""
        draws = hashlib.shake_256(self._mac("pdq", drawn)).digest(4 * places)
        return [draws[at : at + 4] for at in range(0, 4 * places, 4)]

    def _digest(self, length: int) -> bytes:
        drawn = self.random.randbytes(length // 2)
        return drawn + self._mac("digest", drawn)[: length // 2]

    def _is_digest(self, value: bytes) -> bool:
        half = len(value) // 2
        return hmac.compare_digest(self._mac("digest", value[:half])[:half], value[half:])

    def _quality_like(self, quality: int | None) -> int:
        # Half of them the model's own, so that an unusual quality does not single out whom it belongs to.
        return self.random.choice((quality or _USUAL_QUALITIES[0], self.random.choice(_USUAL_QUALITIES)))

    def _regions_like(self, model: bytes) -> bytes:
        count = min(MAX_REGIONS, max(1, round(model[0] * self.random.uniform(0.6, 1.3))))
        ones = int.from_bytes(model[1 + model[0] * _PDQ_BYTES :], "big").bit_count() / model[0]
        flags = "".join("1" if self.random.random() < ones else "0" for _ in range(count))
        packed = int(flags.ljust(-(-count // 8) * 8, "0"), 2).to_bytes(-(-count // 8), "big")
        return bytes([count]) + b"".join(sorted(self._pdq() for _ in range(count))) + packed

    def _video_like(self, model: Video) -> Video:
        count = min(MAX_VIDEO_FRAMES, max(1, round(len(model.frames) * self.random.uniform(0.6, 1.3))))
        ticks = [frame.tick for frame in model.frames]
        gaps = [late - early for early, late in pairwise(ticks)] or [4]
        tick, pdq, frames = ticks[0], self._pdq(), []
        for _ in range(count):
            frames.append(VideoFrame(pdq, tick, self.random.choice(model.frames).quality))
            tick += self.random.choice(gaps)
            if tick > _MAX_TICK:
                break
            pdq = self._pdq() if self.random.random() < 1 / 8 else self._a_little_later(pdq)
        return Video(model.duration_class, tuple(frames))

    def _a_little_later(self, pdq: bytes) -> bytes:
        number = int.from_bytes(pdq, "big")
        pairs = self.random.randint(*_CHANGED_PAIRS)
        ones = [place for place in range(8 * _PDQ_BYTES) if number >> place & 1]
        zeros = [place for place in range(8 * _PDQ_BYTES) if not number >> place & 1]
        for place in (*self.random.sample(ones, pairs), *self.random.sample(zeros, pairs)):
            number ^= 1 << place
        return number.to_bytes(_PDQ_BYTES, "big")

    def _mac(self, purpose: str, message: bytes) -> bytes:
        return hmac.digest(self.key, b"takeback/decoy/v1/" + purpose.encode("ascii") + b"\0" + message, "sha256")


def _numbered(day: int, number: int) -> bytes:
    return day.to_bytes(8, "big", signed=True) + number.to_bytes(8, "big")


def pdq_parts(value: bytes) -> Sequence[bytes]:
    """Where PDQ values stand in a value: alone, after a region set's count, or at the head of a video's frames."""
    if len(value) == _PDQ_BYTES:
        return (value,)
    regions = [value[at : at + _PDQ_BYTES] for at in range(1, len(value) - _PDQ_BYTES + 1, _PDQ_BYTES)]
    frames = [value[at : at + _PDQ_BYTES] for at in range(3, len(value) - _PDQ_BYTES + 1, _PDQ_BYTES + 3)]
    return regions[:MAX_REGIONS] + frames[:MAX_VIDEO_FRAMES]


def new_key() -> bytes:
    """A key for decoys."""
    return secrets.token_bytes(KEY_BYTES)
