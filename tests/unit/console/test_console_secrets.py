import json
import threading
from pathlib import Path

import pyotp
import pytest
from tests.authenticator import b64

from takeback.console import passwords
from takeback.console.console_key import ConsoleKey, open_console_key
from takeback.console.passkeys import CHALLENGE_S, challenge_in, new_challenge
from takeback.console.passwords import PasswordCheck, new_totp_secret, totp_step_of, totp_uri
from takeback.console.qr import qr_rows
from takeback.errors import CorruptDataError, InvalidInputError, NotAllowedError, UnavailableError

NOW_S = 1_790_000_000


@pytest.fixture
def key(tmp_path: Path) -> ConsoleKey:
    return open_console_key(tmp_path / "keys")


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    first = open_console_key(tmp_path / "keys")
    (file,) = (tmp_path / "keys").iterdir()
    assert (file.parent.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    assert open_console_key(tmp_path / "keys") == first
    assert first.raw.hex() not in repr(first)


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    barrier = threading.Barrier(6)
    keys: list[ConsoleKey] = []

    def start() -> None:
        barrier.wait()
        keys.append(open_console_key(tmp_path / "keys"))

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 6
    assert len({key.raw for key in keys}) == 1


def test_a_damaged_key_is_said_and_never_replaced(tmp_path: Path) -> None:
    open_console_key(tmp_path)
    (tmp_path / "console-key").write_bytes(b"zz")
    with pytest.raises(CorruptDataError):
        open_console_key(tmp_path)
    assert (tmp_path / "console-key").read_bytes() == b"zz"
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnavailableError):
        open_console_key(tmp_path / "file")


def test_a_sealed_secret_opens_for_its_owner_and_under_its_key_only(key: ConsoleKey, tmp_path: Path) -> None:
    sealed = key.seal(b"the secret", "0" * 16)
    assert key.open(sealed, "0" * 16) == b"the secret"
    assert b"the secret" not in sealed
    other = open_console_key(tmp_path / "other")
    for opener, text, whose in ((other, sealed, "0" * 16), (key, sealed, "1" * 16), (key, sealed[:-1], "0" * 16)):
        with pytest.raises(CorruptDataError):
            opener.open(text, whose)
    with pytest.raises(CorruptDataError):
        key.open(b"", "0" * 16)


def test_a_code_is_good_in_its_half_minute_and_the_ones_beside_it() -> None:
    secret = new_totp_secret()
    code = pyotp.TOTP(secret).at(NOW_S)
    step = NOW_S // 30
    assert totp_step_of(secret, code, NOW_S) == step
    assert totp_step_of(secret, code, NOW_S + 30) == step
    assert totp_step_of(secret, code, NOW_S - 30) == step
    assert totp_step_of(secret, code, NOW_S + 61) is None
    assert totp_step_of(secret, code, NOW_S - 61) is None
    assert totp_step_of(secret, "", NOW_S) is None
    assert totp_step_of(secret, "１２３４５６", NOW_S) is None


def test_an_app_reads_the_secret_from_the_square_code() -> None:
    secret = new_totp_secret()
    uri = totp_uri(secret, "robin")
    assert pyotp.parse_uri(uri).secret == secret
    rows = qr_rows(uri)
    assert len(rows) >= 21
    assert {len(row) for row in rows} == {len(rows)}
    assert all(set(row) == {"0", "1"} for row in rows)
    # The three finder patterns every reader looks for.
    for row in (rows[0][:7], rows[0][-7:], rows[-7][:7]):
        assert row == "1111111"


@pytest.mark.parametrize("password", ["short", "x" * 201, "aaaaaaaaaaaaaaaa", ""])
def test_a_password_that_is_easily_guessed_is_refused(password: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        PasswordCheck().hash(password)
    assert caught.value.code == "console.password"


def test_a_password_is_right_for_its_hash_only() -> None:
    check = PasswordCheck()
    kept = check.hash("a quiet morning in March")
    assert kept.startswith("$argon2id$")
    # The hash that stands in for a name that is not there costs as much.
    assert kept.split("$")[1:4] == passwords._NOBODYS.split("$")[1:4]
    assert check.is_right("a quiet morning in March", kept)
    assert not check.is_right("a quiet morning in May", kept)
    assert not check.is_right("a quiet morning in March", None)
    assert not check.is_right("a quiet morning in March", "not a hash")


def _client_data(challenge: bytes) -> bytes:
    return json.dumps({"challenge": b64(challenge)}).encode()


def test_a_challenge_is_good_for_one_purpose_and_five_minutes(key: ConsoleKey, tmp_path: Path) -> None:
    raw = new_challenge(key, "sign-in", NOW_S)
    said = _client_data(raw)
    assert challenge_in(key, "sign-in", said, NOW_S + CHALLENGE_S - 1).raw == raw
    other = open_console_key(tmp_path / "other")
    for judge, purpose, text, now_s in (
        (key, "enrol", said, NOW_S),
        (other, "sign-in", said, NOW_S),
        (key, "sign-in", said, NOW_S + CHALLENGE_S),
        (key, "sign-in", _client_data(raw[:-1]), NOW_S),
        (key, "sign-in", _client_data((NOW_S + 10**6).to_bytes(8, "big") + raw[8:]), NOW_S),
    ):
        with pytest.raises(NotAllowedError):
            challenge_in(judge, purpose, text, now_s)


@pytest.mark.parametrize(
    "hostile", [b"", b"[]", b"{}", b'{"challenge": 3}', b'{"challenge": "a"}', b"\xff", b"[" * 9999]
)
def test_what_is_no_client_data_is_refused(key: ConsoleKey, hostile: bytes) -> None:
    with pytest.raises(NotAllowedError) as caught:
        challenge_in(key, "sign-in", hostile, NOW_S)
    assert caught.value.code == "console.passkey"
