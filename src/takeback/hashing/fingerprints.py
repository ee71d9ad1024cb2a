"""From a file to the fingerprints that are submitted, and to those that a platform asks for."""

import hashlib

from takeback.hashing.decode import DecodedPicture, decode
from takeback.hashing.limits import Limits
from takeback.hashing.pdq import PdqHash, pdq_forms_of, pdq_of
from takeback.hashing.picture import HashedPicture
from takeback.model.fingerprint import MIN_QUALITY, Algorithm, Fingerprint

LEAST_SIDE_PX = 512
"""PDQ looks at 64×64 samples of a blurred picture: eight pixels for each sample are plenty. See bench/hashing.py."""


def fingerprints_of(data: bytes, limits: Limits | None = None) -> HashedPicture:
    """Fingerprints of a picture for submission: PDQ as displayed, MD5 and SHA-256 of the file as it is.

    Args:
        data: the file.
        limits: what it may cost; the defaults if not given.

    Raises:
        UnusableMediaError: see ``takeback.hashing.decode.decode``.
    """
    picture = _decoded(data, limits)
    return _hashed(picture, (_pdq_fingerprint(pdq_of(picture.pixels())), *_digests(data)))


def query_fingerprints_of(data: bytes, limits: Limits | None = None) -> HashedPicture:
    """Fingerprints a platform looks up: PDQ in all eight positions, so that a turned or mirrored copy is found too.

    A PDQ of a quality too low to be asked is left out, and one that several positions share stands once.

    Args:
        data: the file.
        limits: what it may cost; the defaults if not given.

    Raises:
        UnusableMediaError: see ``takeback.hashing.decode.decode``.
    """
    picture = _decoded(data, limits)
    forms = dict.fromkeys(
        _pdq_fingerprint(form) for form in pdq_forms_of(picture.pixels()) if form.quality >= MIN_QUALITY
    )
    return _hashed(picture, (*forms, *_digests(data)))


def _decoded(data: bytes, limits: Limits | None) -> DecodedPicture:
    return decode(data, limits or Limits(), least_side_px=LEAST_SIDE_PX)


def _hashed(picture: DecodedPicture, fingerprints: tuple[Fingerprint, ...]) -> HashedPicture:
    return HashedPicture(picture.width, picture.height, fingerprints)


def _pdq_fingerprint(hashed: PdqHash) -> Fingerprint:
    return Fingerprint(Algorithm.PDQ, hashed.text, hashed.quality)


def _digests(data: bytes) -> tuple[Fingerprint, Fingerprint]:
    # MD5 is what the industry's lists of exact files hold; nothing here relies on its strength.
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return Fingerprint(Algorithm.MD5, md5), Fingerprint(Algorithm.SHA256, hashlib.sha256(data).hexdigest())
