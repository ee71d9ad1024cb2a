import secrets

import pytest
from tests.plausible import plausible_pdq

from takeback.errors import InvalidInputError
from takeback.model.case import HeldFingerprint, Submission
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.registry.caps import SubmissionCaps

CAPS = SubmissionCaps(fingerprints=10, files=3)


def _md5() -> Fingerprint:
    return Fingerprint(Algorithm.MD5, plausible_pdq(secrets.randbits(32)).value[:32])


def _check(*fingerprints: Fingerprint) -> str | None:
    held = tuple(HeldFingerprint(one, secrets.token_bytes(32)) for one in fingerprints)
    try:
        CAPS.check(Submission(bytes(16), b"", held))
    except InvalidInputError as refusal:
        return refusal.code
    return None


def test_what_a_few_pictures_have_is_taken() -> None:
    assert _check(*map(plausible_pdq, range(7)), _md5(), _md5(), _md5()) is None


@pytest.mark.parametrize(
    ("fingerprints", "code"),
    [
        ([plausible_pdq(seed) for seed in range(11)], "case.too_large"),
        ([_md5() for _ in range(4)], "case.too_large"),
        ([plausible_pdq(1, quality=49)], "fingerprint.quality"),
        ([Fingerprint(Algorithm.PDQ, "0" * 64, 90)], "fingerprint.implausible"),
        ([plausible_pdq(1), Fingerprint(Algorithm.MD5, "d41d8cd98f00b204e9800998ecf8427e")], "fingerprint.implausible"),
    ],
)
def test_what_is_too_much_or_cannot_be_is_refused(fingerprints: list[Fingerprint], code: str) -> None:
    assert _check(*fingerprints) == code
