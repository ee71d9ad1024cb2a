"""From a file to the fingerprints that are submitted, and to those that a platform asks for."""

import hashlib

from takeback.hashing.decode import Channels, DecodedPicture, Shortcuts, decode
from takeback.hashing.limits import Limits
from takeback.hashing.orientation import cuts_first
from takeback.hashing.pdq import PdqHash, forms_of_samples, pdq_forms_of
from takeback.hashing.picture import HashedPicture
from takeback.hashing.shrunk import Axis, samples_of_shrunk
from takeback.model.fingerprint import MIN_QUALITY, Algorithm, Fingerprint

_FOR_A_LIST = Shortcuts(shrink_from_pixels=4_000_000, least_side_px=512, channels=Channels.LUMA_IF_SHRUNK)
"""Below four megapixels what goes on a list is the reference's value in every bit. Above, eight shrunk pixels for each
of the 64 samples keep it within 2 bits, at a tenth of the time or less; bench/hashing.py shows the distribution."""

_FOR_A_QUERY = Shortcuts(shrink_from_pixels=4_000_000, least_side_px=512, channels=Channels.LUMA)
"""A platform asks for everything that is posted. Luma alone moves one hash in seven, by 2 bits, and saves a third."""


def fingerprints_of(data: bytes, limits: Limits | None = None) -> HashedPicture:
    """Fingerprints of a picture for submission: PDQ as displayed, MD5 and SHA-256 of the file as it is.

    Args:
        data: the file.
        limits: what it may cost; the defaults if not given.

    Raises:
        UnusableMediaError: see ``takeback.hashing.decode.decode``.
    """
    picture = decode(data, limits or Limits(), _FOR_A_LIST)
    return _hashed(picture, (_pdq_fingerprint(_pdq_forms(picture)[0]), *_digests(data)))


def query_fingerprints_of(data: bytes, limits: Limits | None = None) -> HashedPicture:
    """Fingerprints a platform looks up: PDQ in all eight positions, so that a turned or mirrored copy is found too.

    A PDQ of a quality too low to be asked is left out, and one that several positions share stands once.

    Args:
        data: the file.
        limits: what it may cost; the defaults if not given.

    Raises:
        UnusableMediaError: see ``takeback.hashing.decode.decode``.
    """
    picture = decode(data, limits or Limits(), _FOR_A_QUERY)
    forms = (_pdq_fingerprint(form) for form in _pdq_forms(picture) if form.quality >= MIN_QUALITY)
    return _hashed(picture, (*dict.fromkeys(forms), *_digests(data)))


def pdq_forms_of_file(data: bytes, limits: Limits | None = None) -> tuple[PdqHash, ...]:
    """PDQ of a query alone, whatever its quality, in all eight positions; see ``takeback.hashing.pdq.pdq_forms_of``.

    Args:
        data: the file.
        limits: what it may cost; the defaults if not given.

    Raises:
        UnusableMediaError: see ``takeback.hashing.decode.decode``.
    """
    return _pdq_forms(decode(data, limits or Limits(), _FOR_A_QUERY))


def _pdq_forms(picture: DecodedPicture) -> tuple[PdqHash, ...]:
    pixels = picture.pixels()
    if picture.factor == 1:
        return pdq_forms_of(pixels)
    cuts = cuts_first(picture.orientation)
    down = Axis(picture.height, picture.factor, cuts.down)
    across = Axis(picture.width, picture.factor, cuts.across)
    return forms_of_samples(samples_of_shrunk(pixels[:, :, 0], down, across))


def _hashed(picture: DecodedPicture, fingerprints: tuple[Fingerprint, ...]) -> HashedPicture:
    return HashedPicture(picture.width, picture.height, fingerprints)


def _pdq_fingerprint(hashed: PdqHash) -> Fingerprint:
    return Fingerprint(Algorithm.PDQ, hashed.text, hashed.quality)


def _digests(data: bytes) -> tuple[Fingerprint, Fingerprint]:
    # MD5 is what the industry's lists of exact files hold; nothing here relies on its strength.
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return Fingerprint(Algorithm.MD5, md5), Fingerprint(Algorithm.SHA256, hashlib.sha256(data).hexdigest())
