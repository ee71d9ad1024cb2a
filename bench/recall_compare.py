"""One picture's fingerprints beside those of all registered pictures, by the project's own rules."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from PIL import Image

from takeback.hashing.pdq import PdqHash, pdq_forms_of, pdq_of
from takeback.hashing.regions import RegionSet, regions_to_ask, regions_to_register
from takeback.hashing.variants import views_to_ask, views_to_register
from takeback.matching.policy import Policy
from takeback.matching.region_query import RegionQuery
from takeback.matching.region_rule import RegionRule, RegionVerdict
from takeback.matching.region_stop_list import RegionStopList
from takeback.model.fingerprint import MIN_QUALITY
from takeback.model.match import Tier

Pixels = NDArray[np.uint8]
Values = NDArray[np.uint8]

POLICY = Policy()
RULE = RegionRule()
FAR = 256


@dataclass(frozen=True, slots=True)
class Registered:
    """What a list has of one picture: plain PDQ, PDQ of its variants (the plain one first), regions."""

    plain: Values
    variants: Values
    regions: RegionSet


@dataclass(frozen=True, slots=True)
class Asked:
    """What a platform asks of one picture: plain PDQ, eight forms of it and of its content boxes, regions."""

    plain: Values
    forms: Values
    regions: RegionSet


@dataclass(frozen=True, slots=True)
class Answer:
    """What the methods say about one registered and one asked picture."""

    plain_bits: int
    variant_bits: int
    regions: RegionVerdict

    @property
    def tier(self) -> Tier:
        """The whole rule: whichever says more."""
        by_pdq = POLICY.tier_of(self.variant_bits)
        if Tier.HOLD in (by_pdq, self.regions.tier):
            return Tier.HOLD
        return Tier.LOOK if Tier.LOOK in (by_pdq, self.regions.tier) else Tier.CLEAR


def pixels_of(picture: Image.Image) -> Pixels:
    return np.ascontiguousarray(np.asarray(picture.convert("RGB")))


def register(picture: Image.Image) -> Registered:
    pixels = pixels_of(picture)
    plain = _values([pdq_of(pixels)])
    variants = _values(pdq_of(np.ascontiguousarray(view)) for view in views_to_register(pixels))
    return Registered(plain, np.concatenate((plain, variants)), regions_to_register(pixels))


def ask(picture: Image.Image) -> Asked:
    pixels = pixels_of(picture)
    forms = [pdq_forms_of(np.ascontiguousarray(view)) for view in (pixels, *views_to_ask(pixels))]
    return Asked(_values(forms[0][:1]), _values(form for each in forms for form in each), regions_to_ask(pixels))


def _values(hashes: Iterable[PdqHash]) -> Values:
    usable = [np.frombuffer(each.bits, np.uint8) for each in hashes if each.quality >= MIN_QUALITY]
    return np.stack(usable) if usable else np.empty((0, 32), np.uint8)


def answer(registered: Registered, asked: Asked) -> Answer:
    verdict = RULE.decide(_as_query(registered.regions), _as_query(asked.regions))
    return Answer(nearest_bits(registered.plain, asked.plain), nearest_bits(registered.variants, asked.forms), verdict)


def _as_query(regions: RegionSet) -> RegionQuery:
    return RegionQuery(regions.values, regions.strong, regions.places)


def nearest_bits(one: Values, other: Values) -> int:
    if not len(one) or not len(other):
        return FAR
    return int(np.bitwise_count(one[:, None, :] ^ other[None, :, :]).sum(axis=2, dtype=np.int64).min())


def without_furniture(regions: RegionSet, stop_list: RegionStopList) -> RegionSet:
    kept = stop_list.admits(regions.values)
    places = None if regions.places is None else regions.places[kept]
    return RegionSet(regions.values[kept], regions.strong[kept], places)


class Registry:
    """All registered pictures. Finds the few that a question could be about, then applies the rule to those alone."""

    def __init__(self, entries: Sequence[Registered]) -> None:
        self.entries = entries
        self._regions = _joined([entry.regions.values for entry in entries])
        self._hashes = _joined([entry.variants for entry in entries])

    def answers(self, asked: Asked) -> dict[int, Answer]:
        """Everything that is not clear, by the number of the registered picture."""
        rows = self._near(self._regions, asked.regions.values, RULE.near_bits)
        rows |= self._near(self._hashes, asked.forms, POLICY.look_radius_bits)
        found = {row: answer(self.entries[row], asked) for row in sorted(rows)}
        return {row: each for row, each in found.items() if each.tier is not Tier.CLEAR}

    def _near(self, index: tuple[Values, NDArray[np.int64]], values: Values, radius_bits: int) -> set[int]:
        words = np.ascontiguousarray(values).view(np.uint64)
        return set(_owners_near(index[0].view(np.uint64), index[1], words, radius_bits, len(self.entries)).tolist())


def _joined(sets: Sequence[Values]) -> tuple[Values, NDArray[np.int64]]:
    owners = np.repeat(np.arange(len(sets), dtype=np.int64), [len(each) for each in sets])
    return np.ascontiguousarray(np.concatenate(sets)), owners


@njit(cache=True)
def _ones(word: np.uint64) -> np.uint64:
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@njit(cache=True)
def _owners_near(
    words: NDArray[np.uint64],
    owners: NDArray[np.int64],
    asked: NDArray[np.uint64],
    radius_bits: int,
    count: int,
) -> NDArray[np.int64]:
    """Source of the bit count: Hacker's Delight, 5-1; on purpose not the kernel that is under test."""
    near = np.zeros(count, np.bool_)
    radius = np.uint64(radius_bits)
    for i in range(words.shape[0]):
        if near[owners[i]]:
            continue
        for j in range(asked.shape[0]):
            bits = _ones(words[i, 0] ^ asked[j, 0]) + _ones(words[i, 1] ^ asked[j, 1])
            if bits > radius:
                continue
            if bits + _ones(words[i, 2] ^ asked[j, 2]) + _ones(words[i, 3] ^ asked[j, 3]) <= radius:
                near[owners[i]] = True
                break
    return np.flatnonzero(near)
