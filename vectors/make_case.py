"""Writes ``vectors/case-v1.json``: the golden bytes that the page and the command line both have to produce.

Run it from the checkout's root: ``python vectors/make.py case``. The same input gives the same file; tests compare.
Every receipt, token and nonce here is made up for this file and protects nobody.
"""

import hashlib
import json
from datetime import date
from pathlib import Path

from takeback.client.sealing import case_keys, receipt_root, seal_content, sheet_keys, token_hash
from takeback.errors import TakebackError
from takeback.model.case import CaseContent, HeldFingerprint, Hold, Submission
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.receipt import Receipt, parse_receipt
from takeback.wire.case_v1 import (
    BODY_SIZES_BYTES,
    MAX_SHEETS,
    PLAINTEXT_SIZES_BYTES,
    plaintext_of,
    submission_body,
    tokens_body,
)
from takeback.wire.shape import encode_base64

TARGET = Path(__file__).parent / "case-v1.json"

_ALGORITHMS = (Algorithm.PDQ, Algorithm.MD5, Algorithm.SHA256)
_DAY = date(2026, 11, 22)


def _receipt(body: str) -> Receipt:
    return Receipt(body + f"{98 - int(body) * 100 % 97:02d}")


def _bytes(label: str, length: int) -> bytes:
    return hashlib.shake_256(f"takeback/vectors/{label}".encode()).digest(length)


_RECEIPTS = tuple(_receipt(body) for body in ("123456789012345678", "000000000000000000", "999999999999999999"))


def _typed_receipts() -> dict[str, object]:
    first = _RECEIPTS[0].digits
    grouped = _RECEIPTS[0].grouped()
    valid = [first, grouped, grouped.replace(" ", "-"), f"  {grouped}\n", grouped.replace(" ", "\u00a0")]
    valid += [receipt.grouped() for receipt in _RECEIPTS[1:]]
    swapped = first[1] + first[0] + first[2:]
    wrong_digit = ("2" if first[0] == "1" else "1") + first[1:]
    invalid = ["", "1234", first[:-1], first + "0", "x" + first[1:], "\u0661" + first[1:], wrong_digit, swapped]
    return {
        "valid": [
            {"typed": typed, "digits": parse_receipt(typed).digits, "grouped": parse_receipt(typed).grouped()}
            for typed in valid
        ],
        "invalid": [{"typed": typed, "code": _refusal(typed)} for typed in invalid],
    }


def _refusal(typed: str) -> str:
    try:
        parse_receipt(typed)
    except TakebackError as error:
        return error.code
    raise AssertionError(f"{typed!r} should be refused")


def _keys() -> list[dict[str, object]]:
    return [
        {
            "receipt": receipt.digits,
            "root": receipt_root(receipt).hex(),
            "case_id": case_keys(receipt).case_id.hex(),
            "case_key": case_keys(receipt).case_key.hex(),
            "sheets": [
                {"sheet": sheet, "case_id": keys.case_id.hex(), "case_key": keys.case_key.hex()}
                for sheet, keys in enumerate(sheet_keys(receipt), start=1)
                if sheet in {1, 2, MAX_SHEETS}
            ],
        }
        for receipt in _RECEIPTS
    ]


def _content(holds: int) -> CaseContent:
    return CaseContent(
        _DAY,
        tuple(Hold(_bytes(f"token/{i}", 16), _ALGORITHMS[i % 3], i // 3 + 1) for i in range(holds)),
    )


def _sealed(receipt: Receipt, holds: int) -> dict[str, object]:
    content = _content(holds)
    nonce = _bytes(f"nonce/{holds}", 12)
    return {
        "receipt": receipt.digits,
        "day": content.day.isoformat(),
        "holds": [
            {"token": hold.token.hex(), "algorithm": hold.algorithm.value, "file": hold.file_number}
            for hold in content.holds
        ],
        "plaintext_bytes": len(plaintext_of(content)),
        "plaintext_sha256": hashlib.sha256(plaintext_of(content)).hexdigest(),
        "nonce": nonce.hex(),
        "sealed": encode_base64(seal_content(case_keys(receipt), content, nonce=nonce)),
    }


def _unopenable(receipt: Receipt, other: Receipt) -> list[dict[str, str]]:
    sealed = seal_content(case_keys(receipt), _content(3), nonce=_bytes("nonce/unopenable", 12))
    flipped = sealed[:40] + bytes([sealed[40] ^ 1]) + sealed[41:]
    cases = [
        ("another receipt", other, sealed),
        ("one bit changed", receipt, flipped),
        ("cut short", receipt, sealed[:-1]),
        ("empty", receipt, b""),
    ]
    return [
        {"why": why, "receipt": key.digits, "sealed": encode_base64(data), "code": "case.damaged"}
        for why, key, data in cases
    ]


def _submission(receipt: Receipt, holds: int) -> dict[str, object]:
    content = _content(holds)
    values = {Algorithm.PDQ: 32, Algorithm.MD5: 16, Algorithm.SHA256: 32}
    held = tuple(
        HeldFingerprint(
            Fingerprint(
                hold.algorithm,
                _bytes(f"value/{i}", values[hold.algorithm]).hex(),
                50 + i % 51 if hold.algorithm is Algorithm.PDQ else None,
            ),
            token_hash(hold.token),
        )
        for i, hold in enumerate(content.holds)
    )
    keys = case_keys(receipt)
    sealed = seal_content(keys, content, nonce=_bytes(f"nonce/{holds}", 12))
    body = submission_body(Submission(keys.case_id, sealed, held))
    return {
        "case_id": keys.case_id.hex(),
        "sealed": encode_base64(sealed),
        "fingerprints": [
            {
                "algorithm": item.fingerprint.algorithm.value,
                "value": item.fingerprint.value,
                **({} if item.fingerprint.quality is None else {"quality": item.fingerprint.quality}),
                "token_hash": item.token_hash.hex(),
            }
            for item in held
        ],
        "body_bytes": len(body),
        "body_sha256": hashlib.sha256(body).hexdigest(),
    }


def _tokens(count: int) -> dict[str, object]:
    tokens = [_bytes(f"token/{i}", 16) for i in range(count)]
    body = tokens_body(tokens)
    return {
        "tokens": [token.hex() for token in tokens],
        "token_hashes": [token_hash(token).hex() for token in tokens],
        "body_bytes": len(body),
        "body_sha256": hashlib.sha256(body).hexdigest(),
    }


def vectors() -> dict[str, object]:
    """Everything the file holds."""
    first, second, third = _RECEIPTS
    return {
        "about": "Golden bytes of docs/protocol/case-v1.md. Written by vectors/make_case.py; do not edit.",
        "receipts": _typed_receipts(),
        "keys": _keys(),
        "plaintext_sizes_bytes": list(PLAINTEXT_SIZES_BYTES),
        "body_sizes_bytes": list(BODY_SIZES_BYTES),
        "sealed": [_sealed(first, 3), _sealed(second, 30), _sealed(third, 200)],
        "unopenable": _unopenable(first, second),
        "submissions": [_submission(first, 3), _submission(second, 30), _submission(third, 200)],
        "tokens": [_tokens(1), _tokens(150), _tokens(200)],
    }


def text() -> str:
    """The file's exact text."""
    return json.dumps(vectors(), indent=1, ensure_ascii=True) + "\n"
