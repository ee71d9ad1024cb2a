import base64
import hashlib
import importlib.util
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from takeback.client.sealing import (
    CaseKeys,
    case_keys,
    keys_of,
    open_sealed,
    receipt_root,
    seal,
    seal_content,
    seal_for,
    token_hash,
)
from takeback.errors import CorruptDataError, InvalidInputError
from takeback.model.case import CaseContent, HeldFingerprint, Hold, Submission
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.receipt import parse_receipt
from takeback.wire.case_v1 import PLAINTEXT_SIZES_BYTES, plaintext_of, submission_body, tokens_body

VECTORS = Path(__file__).parents[3] / "vectors"
DAY = date(2026, 11, 22)
KEYS = CaseKeys(bytes(range(16)), bytes(range(32)))


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads((VECTORS / "case-v1.json").read_text(encoding="utf-8")))


def _pdq(i: int) -> Fingerprint:
    return Fingerprint(Algorithm.PDQ, hashlib.sha256(bytes([i])).hexdigest(), 80)


def test_the_generator_gives_the_committed_file() -> None:
    spec = importlib.util.spec_from_file_location("make_case", VECTORS / "make_case.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = cast("Callable[[], str]", module.text)
    assert text() == (VECTORS / "case-v1.json").read_text(encoding="utf-8")


def test_receipts_as_typed(vectors: dict[str, Any]) -> None:
    for item in vectors["receipts"]["valid"]:
        assert parse_receipt(item["typed"]).digits == item["digits"]
        assert parse_receipt(item["typed"]).grouped() == item["grouped"]
    for item in vectors["receipts"]["invalid"]:
        with pytest.raises(InvalidInputError) as refusal:
            parse_receipt(item["typed"])
        assert refusal.value.code == item["code"]


def test_golden_keys(vectors: dict[str, Any]) -> None:
    for item in vectors["keys"]:
        root = receipt_root(parse_receipt(item["receipt"]))
        assert root.hex() == item["root"]
        assert keys_of(root).case_id.hex() == item["case_id"]
        assert keys_of(root).case_key.hex() == item["case_key"]
        for sheet in item["sheets"]:
            keys = keys_of(root, sheet["sheet"])
            assert (keys.case_id.hex(), keys.case_key.hex()) == (sheet["case_id"], sheet["case_key"])


def test_golden_sealed_cases(vectors: dict[str, Any]) -> None:
    for item in vectors["sealed"]:
        keys = case_keys(parse_receipt(item["receipt"]))
        sealed = base64.b64decode(item["sealed"])
        content = open_sealed(keys, sealed)
        assert content.day.isoformat() == item["day"]
        assert [(h.token.hex(), h.algorithm.value, h.file_number) for h in content.holds] == [
            (h["token"], h["algorithm"], h["file"]) for h in item["holds"]
        ]
        assert hashlib.sha256(plaintext_of(content)).hexdigest() == item["plaintext_sha256"]
        assert seal_content(keys, content, nonce=bytes.fromhex(item["nonce"])) == sealed


def test_golden_refusals(vectors: dict[str, Any]) -> None:
    for item in vectors["unopenable"]:
        with pytest.raises(CorruptDataError) as refusal:
            open_sealed(case_keys(parse_receipt(item["receipt"])), base64.b64decode(item["sealed"]))
        assert refusal.value.code == item["code"]


def test_golden_bodies(vectors: dict[str, Any]) -> None:
    for item in vectors["submissions"]:
        held = tuple(
            HeldFingerprint(
                Fingerprint(Algorithm(f["algorithm"]), f["value"], f.get("quality")), bytes.fromhex(f["token_hash"])
            )
            for f in item["fingerprints"]
        )
        body = submission_body(Submission(bytes.fromhex(item["case_id"]), base64.b64decode(item["sealed"]), held))
        assert (len(body), hashlib.sha256(body).hexdigest()) == (item["body_bytes"], item["body_sha256"])
    for item in vectors["tokens"]:
        tokens = [bytes.fromhex(token) for token in item["tokens"]]
        assert [token_hash(token).hex() for token in tokens] == item["token_hashes"]
        assert hashlib.sha256(tokens_body(tokens)).hexdigest() == item["body_sha256"]


def test_a_sealed_case_opens_with_its_receipt_and_no_other() -> None:
    sealed = seal([[_pdq(1), _pdq(2)], [_pdq(3)]], DAY)
    content = open_sealed(case_keys(sealed.receipt), sealed.submission.sealed)
    assert content.day == DAY
    assert [hold.file_number for hold in content.holds] == [1, 1, 2]
    assert {token_hash(hold.token) for hold in content.holds} == {
        held.token_hash for held in sealed.submission.fingerprints
    }
    other = seal([[_pdq(1)]], DAY)
    assert other.receipt != sealed.receipt
    with pytest.raises(CorruptDataError):
        open_sealed(case_keys(other.receipt), sealed.submission.sealed)


def test_the_order_sent_is_not_the_order_given() -> None:
    files = [[_pdq(i)] for i in range(60)]
    orders = {
        tuple(held.fingerprint.value for held in seal_for(KEYS, files, DAY).fingerprints) for _ in range(3)
    }  # 60! orders: two alike, or one sorted as given, would mean no shuffle
    assert len(orders) == 3
    assert tuple(file[0].value for file in files) not in orders


def test_empty_and_too_large_cases_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="nothing to send"):
        seal_for(KEYS, [[], []], DAY)
    with pytest.raises(InvalidInputError) as refusal:
        seal_for(KEYS, [[_pdq(1)] * 201], DAY)
    assert refusal.value.code == "case.too_large"


def test_secrets_stay_out_of_reprs() -> None:
    sealed = seal([[_pdq(1)]], DAY)
    keys = case_keys(sealed.receipt)
    token = open_sealed(keys, sealed.submission.sealed).holds[0].token
    shown = repr((sealed, keys, sealed.receipt))
    for secret in (sealed.receipt.digits, sealed.receipt.grouped(), keys.case_key, token, _pdq(1).value):
        text = secret if isinstance(secret, str) else repr(secret)
        assert text not in shown
        assert (secret if isinstance(secret, str) else secret.hex()) not in shown


@given(st.integers(1, 200), st.binary(min_size=12, max_size=12))
@settings(max_examples=25)
def test_any_number_of_holds_round_trips_in_an_allowed_size(count: int, nonce: bytes) -> None:
    holds = tuple(Hold(i.to_bytes(16, "big"), Algorithm.SHA256, i + 1) for i in range(count))
    sealed = seal_content(KEYS, CaseContent(DAY, holds), nonce=nonce)
    assert len(sealed) - 28 in PLAINTEXT_SIZES_BYTES
    assert open_sealed(KEYS, sealed) == CaseContent(DAY, holds)


@given(st.binary(max_size=2000))
@settings(max_examples=50)
def test_hostile_bytes_are_damaged_cases(data: bytes) -> None:
    with pytest.raises(CorruptDataError):
        open_sealed(KEYS, data)


def test_a_content_of_another_version_is_said_to_be_so() -> None:
    body = b'{"v":2}'
    plaintext = (len(body).to_bytes(4, "big") + body).ljust(1024, b"\0")
    nonce = bytes(12)
    sealed = nonce + AESGCM(KEYS.case_key).encrypt(nonce, plaintext, b"takeback/case/v1" + KEYS.case_id)
    with pytest.raises(CorruptDataError) as refusal:
        open_sealed(KEYS, sealed)
    assert refusal.value.code == "case.content"
