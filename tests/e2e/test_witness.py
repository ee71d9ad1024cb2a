"""The witness must be able to say no."""

import base64
import json
from datetime import date

import pytest
from tests.e2e.witness import Seen, account_for_submission, assert_nothing_of

from takeback.client.sealing import case_keys, seal
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.wire.case_v1 import submission_body

_SECRET = bytes(range(40, 90))
_PDQ = "0f" * 32


@pytest.mark.parametrize(
    "leak",
    [
        _SECRET[10:20],
        b'{"sealed":"' + base64.b64encode(b"x" + _SECRET[3:30]) + b'"}',
        b'{"value":"' + _SECRET[:12].hex().encode() + b'"}',
    ],
    ids=["raw", "base64", "hexadecimal"],
)
def test_a_piece_of_the_secret_is_noticed_in_every_form(leak: bytes) -> None:
    with pytest.raises(AssertionError, match="the secret in POST"):
        assert_nothing_of(_SECRET, [Seen("POST", "/v1/cases?", b"", leak)], "the secret")


def test_a_name_in_a_header_or_an_address_is_noticed() -> None:
    for seen in (Seen("GET", "/?f=holiday.jpg", b"", b""), Seen("GET", "/", b"x-name: holiday.jpg", b"")):
        with pytest.raises(AssertionError):
            assert_nothing_of(b"holiday.jpg", [seen], "the name")


def test_every_byte_of_a_submission_has_to_be_accounted_for() -> None:
    sealed = seal([[Fingerprint(Algorithm.PDQ, _PDQ, 80)]], date(2026, 3, 14))
    keys = case_keys(sealed.receipt)
    body = submission_body(sealed.submission)
    assert account_for_submission(body, keys, {"pdq": {_PDQ}}).day == date(2026, 3, 14)

    with pytest.raises(AssertionError):
        account_for_submission(body, keys, {"pdq": {"f0" * 32}})
    extra = json.loads(body)
    extra["padding"] = extra["padding"][:-20]
    extra["name"] = "ada.jpg"
    smuggled = json.dumps(extra, separators=(",", ":")).encode()
    with pytest.raises(AssertionError):
        account_for_submission(smuggled.ljust(4096), keys, {"pdq": {_PDQ}})
