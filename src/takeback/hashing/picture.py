"""What hashing a picture gives."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from takeback.model.fingerprint import MIN_QUALITY, Algorithm, Fingerprint
from takeback.model.plausibility import is_plausible

if TYPE_CHECKING:
    from takeback.hashing.regions.sets import RegionSet


@dataclass(frozen=True, slots=True)
class HashedPicture:
    """A picture turned into fingerprints; nothing of the picture itself is kept.

    Args:
        width: pixels as displayed, that is after EXIF orientation.
        height: likewise.
        fingerprints: what was made of it. A PDQ keeps its true quality, even one too low to be of use.
        media: what kind of file it was.
        regions: the regions by which it is asked, if they were wanted. What is registered of them is a fingerprint.
    """

    width: int
    height: int
    fingerprints: tuple[Fingerprint, ...]
    media: str = "image"
    regions: "RegionSet | None" = None

    @property
    def submittable(self) -> tuple[Fingerprint, ...]:
        """The fingerprints a list may hold: all but a PDQ of a picture too plain or regular to be told from others."""
        usable = (f for f in self.fingerprints if f.quality is None or f.quality >= MIN_QUALITY)
        return tuple(f for f in usable if f.algorithm is not Algorithm.PDQ or is_plausible(f))
