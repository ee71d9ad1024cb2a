"""By what a content is asked: its fingerprints, and the regions and frames a platform looks up.

The same question is put to the whole lists when the content comes in, and later to what the lists have gained. So both
ways go through :func:`ask`, and a listed entry is always the registered side, a content the one that is asked.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from takeback.hashing import HashedPicture, HashedVideo
from takeback.hashing.regions import RegionSet
from takeback.matching import Clip, MatchEngine, Policy, RegionQuery
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.match import Match, Tier

Values = NDArray[np.uint8]
"""(n, bytes) uint8, first byte first."""

_WIDTHS_BYTES: Final = {Algorithm.MD5: 16}
_OTHER_WIDTH_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for one content. Values are sensitive, so never part of a ``repr``.

    Args:
        fingerprints: digests, and of a picture PDQ in every form that is asked.
        regions: of a picture at most one set; of a video one for each of its pictures that is asked by them.
        clips: forms of a video: as it is, mirrored, trimmed.
    """

    fingerprints: tuple[Fingerprint, ...]
    regions: tuple[RegionQuery, ...] = field(default=(), repr=False)
    clips: tuple[Clip, ...] = field(default=(), repr=False)

    def values(self, name: Algorithm) -> Values:
        """Everything of it that is looked up on one list."""
        match name:
            case Algorithm.PDQ_REGION:
                rows = [one.values for one in self.regions]
            case Algorithm.VPDQ:
                # A picture is asked by its forms: it may be a frame of a listed video.
                rows = [one.values for one in self.clips] or [self.values(Algorithm.PDQ)]
            case Algorithm.PDQ | Algorithm.MD5 | Algorithm.SHA256:
                texts = [one.value for one in self.fingerprints if one.algorithm is name]
                rows = [np.frombuffer(bytes.fromhex("".join(texts)), np.uint8).reshape(-1, width_bytes(name))]
        return np.concatenate([np.empty((0, width_bytes(name)), np.uint8), *rows])


def width_bytes(name: Algorithm) -> int:
    """Bytes of one value of a list; of sets, of one of theirs."""
    return _WIDTHS_BYTES.get(name, _OTHER_WIDTH_BYTES)


def search_radius_bits(name: Algorithm, policy: Policy) -> int:
    """How near a value has to be to an entry's for a match to be possible at all."""
    match name:
        case Algorithm.PDQ:
            return policy.look_radius_bits
        case Algorithm.PDQ_REGION:
            return policy.regions.near_bits
        case Algorithm.VPDQ:
            return max(policy.clips.frame_radius_bits, policy.clips.wide_radius_bits, policy.still_radius_bits or 0)
        case Algorithm.MD5 | Algorithm.SHA256:
            return 0


def question_of_picture(picture: HashedPicture) -> Question:
    """The question for a picture."""
    return Question(picture.fingerprints, () if picture.regions is None else (_regions(picture.regions),))


def question_of_video(video: HashedVideo) -> Question:
    """The question for a video: its file, its frames, and what listed pictures are seen in it."""
    clips = tuple(Clip(form.values, form.ticks, form.qualities) for form in video.asked)
    return Question(video.fingerprints, tuple(_regions(one) for one in video.regions), clips)


def ask(question: Question, index: MatchEngine) -> list[Match]:
    """What a content is near to, what holds before what asks for a look."""
    if len(question.regions) <= 1:
        return index.match(question.fingerprints, next(iter(question.regions), None), question.clips)
    found = index.match(question.fingerprints, clips=question.clips)
    best: dict[str, Match] = {}
    for regions in question.regions:
        for match in index.match((), regions):
            known = best.get(match.entry_id)
            if known is None or _says_more(match) > _says_more(known):
                best[match.entry_id] = match
    return sorted([*found, *best.values()], key=lambda match: match.tier is not Tier.HOLD)


def _says_more(match: Match) -> tuple[bool, int, int]:
    return match.tier is Tier.HOLD, match.votes or 0, -match.distance_bits


def _regions(regions: RegionSet) -> RegionQuery:
    return RegionQuery(regions.values, regions.strong, regions.places)
