import base64
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import httpx
import pytest

from takeback.client.case import CaseClient, case_status, read_submission, write_submission
from takeback.client.sealing import CaseKeys, SealedSubmission, case_keys, seal, seal_for
from takeback.client.transport import MAX_REPLY_BYTES, checked_address, http_client
from takeback.errors import (
    ConflictError,
    CorruptDataError,
    InvalidInputError,
    NotFoundError,
    ProtocolViolationError,
    TakebackError,
    TooLargeError,
    UnavailableError,
)
from takeback.model.case import HoldState
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.receipt import parse_receipt

DAY = date(2026, 11, 22)
KEYS = CaseKeys(bytes(range(16)), bytes(range(32)))
FILES = [[Fingerprint(Algorithm.SHA256, "ab" * 32), Fingerprint(Algorithm.PDQ, "cd" * 32, 90)]]


class CaseDesk:
    """The registry's answers of case-v1 §5 and §6, in memory; it can lose its replies."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.paths: list[str] = []
        self.cases: dict[str, str] = {}
        self.withdrawn: set[str] = set()
        self.lose_replies = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/challenges":
            return httpx.Response(200, json={})
        self.bodies.append(request.content)
        self.paths.append(request.url.path)
        reply = self._reply(request.url.path, json.loads(request.content))
        if self.lose_replies:
            self.lose_replies -= 1
            raise httpx.ReadError("connection reset")
        return reply

    def _reply(self, path: str, body: dict[str, object]) -> httpx.Response:
        tokens = [str(token) for token in body["tokens"]] if isinstance(body.get("tokens"), list) else []  # type: ignore[attr-defined]
        match path:
            case "/v1/cases":
                self.cases[str(body["case_id"])] = str(body["sealed"])
                return httpx.Response(202, json={"state": "being_added"})
            case "/v1/cases/open":
                sealed = self.cases.get(str(body["case_id"]))
                if sealed is None:
                    return httpx.Response(404, json={"code": "case.unknown", "detail": "No such case."})
                return httpx.Response(200, json={"sealed": sealed})
            case "/v1/holds/withdraw":
                self.withdrawn.update(tokens)
                return httpx.Response(202, json={"state": "withdrawn"})
            case "/v1/holds/status":
                states = ["withdrawn" if token in self.withdrawn else "listed" for token in tokens]
                return httpx.Response(200, json={"holds": [{"state": state, "platforms": 0} for state in states]})
        return httpx.Response(404)


def _client(handle: Callable[[httpx.Request], httpx.Response], waits_s: tuple[float, ...] = (0.0, 0.0)) -> CaseClient:
    http = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://registry")
    return CaseClient(http, waits_s=waits_s, sleep=lambda _: None)


def test_submit_open_status_withdraw() -> None:
    desk = CaseDesk()
    client = _client(desk)
    sealed = seal(FILES, DAY)
    client.submit(sealed.submission)
    holds = client.open(sealed.receipt).holds
    assert [one.status.state for one in client.status(holds)] == [HoldState.LISTED] * 2
    client.withdraw(holds)
    assert [one.status.state for one in client.status(holds)] == [HoldState.WITHDRAWN] * 2
    sizes = {path: len(body) for path, body in zip(desk.paths, desk.bodies, strict=True)}
    assert sizes["/v1/cases"] == sizes["/v1/holds/status"] == sizes["/v1/holds/withdraw"] == 4096
    assert not any(sealed.receipt.digits.encode() in body for body in desk.bodies)


def test_a_lost_reply_sends_the_same_bytes_again() -> None:
    desk = CaseDesk()
    desk.lose_replies = 2
    _client(desk).submit(seal_for(KEYS, FILES, DAY))
    assert len(desk.bodies) == 3
    assert len(set(desk.bodies)) == 1


def test_after_the_last_try_the_person_is_told() -> None:
    desk = CaseDesk()
    desk.lose_replies = 99
    with pytest.raises(UnavailableError) as refusal:
        _client(desk).submit(seal_for(KEYS, FILES, DAY))
    assert refusal.value.code == "registry.unreachable"
    assert len(desk.bodies) == 3


def test_a_refusal_is_not_tried_again() -> None:
    asked: list[str] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(422, json={"code": "fingerprint.quality", "detail": "Too poor."})

    with pytest.raises(InvalidInputError) as refusal:
        _client(refuse).submit(seal_for(KEYS, FILES, DAY))
    assert (refusal.value.code, refusal.value.message) == ("fingerprint.quality", "Too poor.")
    assert len(asked) == 1


def test_a_mistyped_receipt_never_reaches_the_network() -> None:
    with pytest.raises(InvalidInputError) as refusal:
        case_status("http://127.0.0.1:9", parse_receipt("1234 5678 9012 3456 7887"))
    assert refusal.value.code == "receipt.check"


def test_an_unknown_receipt_is_said_to_be_so() -> None:
    with pytest.raises(NotFoundError) as refusal:
        _client(CaseDesk()).open_with(KEYS)
    assert refusal.value.code == "case.unknown"


def test_a_case_that_was_altered_does_not_open() -> None:
    desk = CaseDesk()
    desk.cases[KEYS.case_id.hex()] = base64.b64encode(bytes(1024 + 28)).decode()
    with pytest.raises(CorruptDataError) as refusal:
        _client(desk).open_with(KEYS)
    assert refusal.value.code == "case.damaged"


@pytest.mark.parametrize(
    ("status", "body", "family", "code"),
    [
        (409, b'{"code":"x.y","detail":"No."}', ConflictError, "x.y"),
        (413, b'{"code":"request.too_large"}', TooLargeError, "request.too_large"),
        (429, b"", UnavailableError, "registry.unavailable"),
        (500, b"<html>", UnavailableError, "registry.unavailable"),
        (503, b'{"code":"registry.unavailable"}', UnavailableError, "registry.unavailable"),
        (302, b"", ProtocolViolationError, "registry.reply"),
        (418, b'{"code":17}', ProtocolViolationError, "registry.reply"),
        (200, b"<html>a captive portal</html>", ProtocolViolationError, "registry.reply"),
        (200, b'{"sealed":"="}', ProtocolViolationError, "registry.reply"),
        (200, b'{"sealed":"AAA"}', ProtocolViolationError, "registry.reply"),
        (200, b"x" * (MAX_REPLY_BYTES + 1), ProtocolViolationError, "registry.reply"),
    ],
)
def test_every_answer_is_an_error_of_ours(status: int, body: bytes, family: type[TakebackError], code: str) -> None:
    client = _client(lambda _: httpx.Response(status, content=body), waits_s=())
    with pytest.raises(family) as refusal:
        client.open_with(KEYS)
    assert refusal.value.code == code


def test_a_status_about_another_number_of_holds_is_refused() -> None:
    client = _client(lambda _: httpx.Response(200, json={"holds": []}), waits_s=())
    sealed = seal(FILES, DAY)
    desk = CaseDesk()
    _client(desk).submit(sealed.submission)
    holds = _client(desk).open(sealed.receipt).holds
    with pytest.raises(ProtocolViolationError):
        client.status(holds)


def test_a_submission_written_to_a_file_is_what_is_sent(tmp_path: Path) -> None:
    sealed = seal(FILES, DAY)
    path = tmp_path / "case.json"
    write_submission(path, sealed)
    assert path.stat().st_mode & 0o777 == 0o600
    (body,) = read_submission(path)
    assert len(body) == 4096
    for secret in (sealed.receipt.digits, case_keys(sealed.receipt).case_key.hex()):
        assert secret.encode() not in body
    desk = CaseDesk()
    _client(desk).submit_body(body)
    assert desk.bodies == [body]
    assert len(_client(desk).open(sealed.receipt).holds) == 2
    with pytest.raises(InvalidInputError) as refusal:
        write_submission(path, sealed)
    assert refusal.value.code == "submission.exists"


def test_a_damaged_submission_file_is_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "case.json"
    write_submission(path, SealedSubmission(seal(FILES, DAY).receipt, seal_for(KEYS, FILES, DAY)))
    whole = path.read_bytes()
    for data in (whole[:-1], whole.replace(b"sha256", b"sha257"), b" " * 4096, b"", b"\xff" * 70_000):
        path.write_bytes(data)
        with pytest.raises(CorruptDataError) as refusal:
            read_submission(path)
        assert refusal.value.code == "submission.damaged"
    with pytest.raises(InvalidInputError):
        read_submission(tmp_path / "nothing")
    with pytest.raises(UnavailableError):
        write_submission(
            tmp_path / "no" / "folder", SealedSubmission(seal(FILES, DAY).receipt, seal_for(KEYS, FILES, DAY))
        )


@pytest.mark.parametrize(
    "url",
    ["https://registry.example.org/", "http://127.0.0.1:8100", "http://[::1]:1", "http://localhost", "http://a.onion"],
)
def test_addresses_that_are_fine(url: str) -> None:
    assert checked_address(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "registry",
        "ftp://a",
        "http://registry.example.org",
        "http://10.0.0.1",
        "https://u:p@a",
        "http://[",
        "https://a?b",
    ],
)
def test_addresses_that_are_not(url: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        checked_address(url)
    assert refusal.value.code == "registry.address"


def test_nothing_about_the_machine_is_sent() -> None:
    with http_client("http://127.0.0.1:9") as http:
        assert http.headers["user-agent"] == "takeback"
        assert http.build_request("POST", "/", content=b"x").headers.keys() <= {
            "host", "accept", "accept-encoding", "connection", "user-agent", "content-length"
        }  # fmt: skip


def test_a_registry_that_is_not_there() -> None:
    with (
        http_client("http://127.0.0.1:9") as http,
        pytest.raises(UnavailableError) as refusal,
    ):
        CaseClient(http, waits_s=(), sleep=lambda _: None).open_with(KEYS)
    assert refusal.value.code == "registry.unreachable"
