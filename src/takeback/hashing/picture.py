"""What hashing a picture gives."""

from dataclasses import dataclass

from takeback.model.fingerprint import MIN_QUALITY, Fingerprint


@dataclass(frozen=True, slots=True)
class HashedPicture:
    """A picture turned into fingerprints; nothing of the picture itself is kept.

    Args:
        width: pixels as displayed, that is after EXIF orientation.
        height: likewise.
        fingerprints: what was made of it. A PDQ keeps its true quality, even one too low to be of use.
        media: what kind of file it was.
    """

    width: int
    height: int
    fingerprints: tuple[Fingerprint, ...]
    media: str = "image"

    @property
    def submittable(self) -> tuple[Fingerprint, ...]:
        """The fingerprints a list may hold: all but a PDQ of a picture too plain to be told from others."""
        return tuple(f for f in self.fingerprints if f.quality is None or f.quality >= MIN_QUALITY)
