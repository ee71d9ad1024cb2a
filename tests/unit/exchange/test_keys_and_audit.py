import hashlib
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from takeback.errors import CorruptDataError, UnavailableError
from takeback.exchange.audit import FIRST_CHAIN, next_audit_chain, verify_audit
from takeback.exchange.signing import HeadSigner, open_signer
from takeback.exchange.types import AuditedAct, AuditRecord, PartnerKey, new_partner_key, parse_partner_key
from takeback.model.entry import Head
from takeback.model.fingerprint import Algorithm
from takeback.wire.feed_v1 import HEAD_CONTEXT, first_chain, parse_head
from takeback.wire.shape import decode_base64

HEAD = Head(Algorithm.PDQ, 3, first_chain(Algorithm.PDQ), 2, 1_000, 4_600)


def test_the_signing_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    first = open_signer(folder)
    assert open_signer(folder).pin() == first.pin()
    (file,) = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    private = first.key.private_bytes_raw().hex()
    assert private not in repr(first)
    assert open_signer(tmp_path / "other").pin() != first.pin()


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)
    pins: list[str] = []

    def start() -> None:
        barrier.wait()
        pins.append(open_signer(tmp_path / "keys").pin())

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pins) == 8
    assert len(set(pins)) == 1
    assert len(list((tmp_path / "keys").iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"zz" * 32, b"ab" * 31, b"ab" * 33, b"\xff\xfe"])
def test_a_damaged_key_is_said_and_never_replaced(tmp_path: Path, content: bytes) -> None:
    open_signer(tmp_path)
    file = tmp_path / "feed-signing-key"
    file.write_bytes(content)
    with pytest.raises(CorruptDataError) as caught:
        open_signer(tmp_path)
    assert caught.value.code == "keys.corrupt"
    assert file.read_bytes() == content


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnavailableError):
        open_signer(tmp_path / "file")


def test_a_head_is_signed_as_the_text_that_is_sent(tmp_path: Path) -> None:
    signer = open_signer(tmp_path)
    signed = signer.sign(HEAD)
    (signature,) = signed.signatures
    public = signer.public_key()
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public.public_key))
    key.verify(decode_base64(signature.signature, "test"), HEAD_CONTEXT + signed.head.encode())
    assert parse_head(signed.head) == HEAD
    assert signature.key_id == public.key_id == hashlib.sha256(bytes.fromhex(public.public_key)).hexdigest()[:16]
    assert signer.pin() == hashlib.sha256(bytes.fromhex(public.public_key)).hexdigest()[:32]
    with pytest.raises(InvalidSignature):
        key.verify(decode_base64(signature.signature, "test"), HEAD_CONTEXT + signed.head.replace("3", "4").encode())


def test_a_partners_key_reads_back_and_shows_its_secret_nowhere_else() -> None:
    key = new_partner_key("0123456789abcdef", "f" * 32)
    assert parse_partner_key(key.text()) == key
    assert key.secret.hex() not in repr(key)
    assert key.secret_hash() == hashlib.sha256(key.secret).digest()
    assert new_partner_key("0123456789abcdef", "f" * 32).secret != key.secret


@given(st.text() | st.from_regex(r"tb1_[0-9a-f]{16}_[0-9a-f]{64}_[0-9a-f]{32}"))
def test_no_text_but_a_key_is_a_key(untrusted: str) -> None:
    found = parse_partner_key(untrusted)
    assert found is None or found.text() == untrusted


@pytest.mark.parametrize(
    "wrong",
    [
        lambda key: key.text() + "\n",
        lambda key: key.text().upper(),
        lambda key: key.text()[:-1],
        lambda key: key.text().replace("tb1_", "tb2_"),
        lambda key: " " + key.text(),
    ],
)
def test_almost_a_key_is_none(wrong: object) -> None:
    assert callable(wrong)
    assert parse_partner_key(wrong(PartnerKey("0" * 16, b"\xaa" * 32, "b" * 32))) is None


def _log(count: int) -> list[tuple[int, AuditRecord, bytes]]:
    chain, lines = FIRST_CHAIN, []
    for seq in range(1, count + 1):
        record = AuditRecord(20_000, "0123456789abcdef", AuditedAct.PULL, Algorithm.MD5, seq, seq + 5)
        chain = next_audit_chain(chain, seq, record)
        lines.append((seq, record, chain))
    return lines


def test_an_audit_log_that_nobody_touched_is_whole() -> None:
    assert verify_audit([]) == 0
    assert verify_audit(_log(5)) == 5


@pytest.mark.parametrize("field", ["day", "actor_id", "what", "list", "first_seq", "last_seq", "subject"])
def test_every_field_of_a_line_is_chained(field: str) -> None:
    lines = _log(5)
    seq, record, chain = lines[2]
    other: dict[str, object] = {
        "day": 20_001,
        "actor_id": "f" * 16,
        "what": AuditedAct.FEEDBACK,
        "list": Algorithm.PDQ,
        "first_seq": 99,
        "last_seq": 99,
        "subject": "f" * 16,
    }
    lines[2] = (seq, replace(record, **{field: other[field]}), chain)  # type: ignore[arg-type]
    with pytest.raises(CorruptDataError, match="line 3"):
        verify_audit(lines)


def test_a_line_taken_out_or_moved_is_noticed() -> None:
    whole = _log(5)
    for broken in (whole[:2] + whole[3:], whole[1:], [whole[1], whole[0], *whole[2:]]):
        with pytest.raises(CorruptDataError):
            verify_audit(broken)


def test_a_signer_signs_the_same_head_the_same_way(tmp_path: Path) -> None:
    signer = open_signer(tmp_path)
    assert signer.sign(HEAD) == HeadSigner(signer.key).sign(HEAD)
