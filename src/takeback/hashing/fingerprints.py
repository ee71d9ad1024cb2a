"""From a file to the fingerprints that are submitted, and to those that a platform asks for."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from takeback.hashing.animation import further_frames
from takeback.hashing.decode import Channels, DecodedPicture, Shortcuts, decode
from takeback.hashing.direct import Axis, samples_of_luma
from takeback.hashing.limits import Limits
from takeback.hashing.orientation import cuts_first
from takeback.hashing.pdq import PdqHash, forms_of_samples, pdq_forms_of, pdq_of
from takeback.hashing.picture import HashedPicture
from takeback.hashing.regions.sets import regions_to_ask, regions_to_register
from takeback.hashing.regions.text import text_of
from takeback.hashing.variants import raw_form, views_to_ask, views_to_register
from takeback.model.fingerprint import MIN_QUALITY, Algorithm, Fingerprint

FOR_A_LIST = Shortcuts(shrink_from_pixels=4_000_000, least_side_px=512, channels=Channels.LUMA_IF_SHRUNK)
"""Below four megapixels what goes on a list is the reference's value in every bit. Above, eight shrunk pixels for each
of the 64 samples keep it within 2 bits, at a tenth of the time or less; bench/hashing.py shows the distribution."""

FOR_A_QUERY = Shortcuts(shrink_from_pixels=4_000_000, least_side_px=512, channels=Channels.LUMA)
"""A platform asks for everything that is posted. Luma alone moves one hash in seven, by 2 bits, and saves a third."""


MAX_PDQ = 13
"""Most PDQ values of one file. A submission has room for so many (case-v1 §5.1); of more the last, app crops, go."""

_DIRECT_FROM_PX = 200


def fingerprints_of(data: bytes, limits: Limits | None = None, *, edited_copies: bool = False) -> HashedPicture:
    """Fingerprints of a picture for submission: PDQ as displayed, MD5 and SHA-256 of the file as it is.

    Of an animation that is the first frame; up to three later ones are hashed as well.

    Args:
        data: the file.
        limits: what it may cost; the defaults if not given.
        edited_copies: also what finds cropped and edited copies: PDQ of the picture's other views, and its regions.

    Raises:
        UnusableMediaError: see ``takeback.hashing.decode.decode``.
    """
    limits = limits or Limits()
    picture = decode(data, limits, FOR_A_LIST)
    forms = pdq_forms_of_picture(picture, exact=True)
    plain = _pdq_fingerprint(forms[0])
    frames = [pdq_of(frame) for frame in further_frames(data, limits)]
    if not edited_copies:
        return _hashed(picture, (plain, *_distinct(frames, plain), *_digests(data)))
    pixels = picture.pixels()
    others = [*frames, forms[raw_form(picture.orientation)], *(pdq_of(view) for view in views_to_register(pixels))]
    regions = regions_to_register(pixels)
    sets = (Fingerprint(Algorithm.PDQ_REGION, text_of(regions)),) if len(regions) else ()
    return _hashed(picture, (plain, *_distinct(others, plain), *_digests(data), *sets))


def _distinct(others: Iterable[PdqHash], plain: Fingerprint) -> tuple[Fingerprint, ...]:
    useful = dict.fromkeys(_pdq_fingerprint(other) for other in others if other.quality >= MIN_QUALITY)
    # By value: two views may agree in every bit and differ in quality, and a list has room for one.
    by_value = {fingerprint.value: fingerprint for fingerprint in useful if fingerprint.value != plain.value}
    return tuple(by_value.values())[: MAX_PDQ - 1]


def query_fingerprints_of(data: bytes, limits: Limits | None = None, *, regions: bool = False) -> HashedPicture:
    """Fingerprints a platform looks up: PDQ in all eight positions, so that a turned or mirrored copy is found too.

    The picture without its borders and interface bars is asked in the same way. A PDQ of a quality too low to be asked
    is left out, and one that several positions share stands once. Frames of an animation are asked likewise.

    Args:
        data: the file.
        limits: what it may cost; the defaults if not given.
        regions: also find the regions it is asked by. They cost ten times the rest.

    Raises:
        UnusableMediaError: see ``takeback.hashing.decode.decode``.
    """
    limits = limits or Limits()
    picture = decode(data, limits, FOR_A_QUERY)
    pixels = picture.pixels()
    forms = [*pdq_forms_of_picture(picture, exact=False)]
    forms += [form for frame in further_frames(data, limits) for form in pdq_forms_of(frame)]
    forms += [form for view in views_to_ask(pixels) for form in pdq_forms_of(view)]
    asked = dict.fromkeys(_pdq_fingerprint(form) for form in forms if form.quality >= MIN_QUALITY)
    hashed = _hashed(picture, (*asked, *_digests(data)))
    return replace(hashed, regions=regions_to_ask(pixels)) if regions else hashed


def pdq_forms_of_picture(picture: DecodedPicture, *, exact: bool) -> tuple[PdqHash, ...]:
    """PDQ alone, whatever its quality, in all eight positions; see ``takeback.hashing.pdq.pdq_forms_of``.

    Args:
        picture: decoded; one that was shrunk, or is very small, has one way only to be hashed.
        exact: whether it must equal the reference in every bit. If not, sums are rounded in another order, which is
            seven times as fast and changes a bit about once in a thousand pictures.
    """
    pixels = picture.pixels()
    direct = picture.image.mode == "L" and min(picture.image.size) >= _DIRECT_FROM_PX
    if picture.factor == 1 and (exact or not direct):
        return pdq_forms_of(pixels)
    cuts = cuts_first(picture.orientation)
    down = Axis(picture.height, picture.factor, cuts.down)
    across = Axis(picture.width, picture.factor, cuts.across)
    return forms_of_samples(samples_of_luma(pixels[:, :, 0], down, across))


def _hashed(picture: DecodedPicture, fingerprints: tuple[Fingerprint, ...]) -> HashedPicture:
    return HashedPicture(picture.width, picture.height, fingerprints)


def _pdq_fingerprint(hashed: PdqHash) -> Fingerprint:
    return Fingerprint(Algorithm.PDQ, hashed.text, hashed.quality)


def _digests(data: bytes) -> tuple[Fingerprint, Fingerprint]:
    # MD5 is what the industry's lists of exact files hold; nothing here relies on its strength.
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return Fingerprint(Algorithm.MD5, md5), Fingerprint(Algorithm.SHA256, hashlib.sha256(data).hexdigest())
