"""A served page is compared with a build: what a server could change is noticed, in every form and in the headers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from takeback.cli.main import main
from takeback.client.page_check import (
    CheckedFile,
    FileState,
    check_page,
    digest_of_build,
    installed_build,
    read_digests,
    same_as_published,
)
from takeback.errors import CorruptDataError, InvalidInputError, NotFoundError, UnavailableError
from takeback.httpkit.serve import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.types import ASGIApp, Message, Receive, Scope, Send
    from tests.registry_rig import RegistryRig

pytestmark = [
    pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True),
    pytest.mark.xdist_group("pages"),
]


class _Liar:
    """A server in between that changes one thing: a file in one form, or a header of the page."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.coding = ""
        self.header: tuple[bytes, bytes] | None = None
        self.gone = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.gone and scope["path"].endswith(self.gone):
            scope = {**scope, "path": "/not-there", "raw_path": b"/not-there"}
        is_target = False

        async def changed(message: Message) -> None:
            nonlocal is_target
            if message["type"] == "http.response.start":
                headers = dict(message["headers"])
                coding = headers.get(b"content-encoding", b"identity").decode()
                is_target = scope["path"].endswith(".js") and coding == self.coding
                if self.header is not None and scope["path"] == "/":
                    headers[self.header[0]] = self.header[1]
                    message = {**message, "headers": list(headers.items())}
            elif is_target and message.get("body"):
                message = {**message, "body": bytes([message["body"][0] ^ 1]) + message["body"][1:]}
            await send(message)

        await self.app(scope, receive, changed)


@pytest.fixture
def liar(rig: RegistryRig) -> _Liar:
    return _Liar(rig.registry.app)


@pytest.fixture
def address(liar: _Liar) -> Iterator[str]:
    with Server(liar) as server:
        yield server.url


@pytest.fixture
def digests() -> dict[str, str]:
    return read_digests(installed_build() / "digests.json")


def _differing(address: str, digests: dict[str, str], page: str = "submit") -> list[CheckedFile]:
    return [file for file in check_page(address, page, digests, installed_build()) if file.state is not FileState.SAME]


@pytest.mark.parametrize("page", ["submit", "operator"])
def test_an_honest_server_sends_the_build_in_every_form(address: str, digests: dict[str, str], page: str) -> None:
    found = list(check_page(address, page, digests, installed_build()))
    assert {file.file for file in found} == {name for name in digests if name.startswith(f"{page}/")}
    assert {(file.state, file.unchecked) for file in found} == {(FileState.SAME, ())}
    assert same_as_published(address, digests) is True


@pytest.mark.parametrize("coding", ["identity", "gzip", "br"])
def test_a_script_that_is_changed_in_one_form_only_is_noticed(
    liar: _Liar, address: str, digests: dict[str, str], coding: str
) -> None:
    liar.coding = coding
    differing = _differing(address, digests)
    assert {file.form for file in differing} == {coding}
    assert all(file.file.endswith(".js") for file in differing)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("content-security-policy", "default-src 'none'; script-src 'self' https://elsewhere.example"),
        ("content-security-policy", ""),
        ("link", "</x.css>; rel=stylesheet"),
        ("refresh", "0; url=https://elsewhere.example"),
    ],
)
def test_a_header_that_lets_something_else_in_is_noticed(
    liar: _Liar, address: str, digests: dict[str, str], name: str, value: str
) -> None:
    liar.header = (name.encode(), value.encode())
    (wrong,) = _differing(address, digests)
    assert (wrong.file, wrong.form) == ("submit/index.html", name)


@pytest.mark.parametrize(
    "added",
    ["; script-src-elem *", "; frame-src https://elsewhere.example", "; report-uri https://elsewhere.example", ", x"],
)
def test_a_policy_that_says_more_than_ours_is_noticed(
    liar: _Liar, address: str, digests: dict[str, str], added: str
) -> None:
    from takeback.httpkit.headers import CONTENT_SECURITY_POLICY  # noqa: PLC0415 - the server's, here only

    liar.header = (b"content-security-policy", f"{CONTENT_SECURITY_POLICY}{added}".encode())
    assert [file.form for file in _differing(address, digests)] == ["content-security-policy"]


def test_a_directive_in_front_of_ours_is_noticed(liar: _Liar, address: str, digests: dict[str, str]) -> None:
    from takeback.httpkit.headers import CONTENT_SECURITY_POLICY  # noqa: PLC0415 - the server's, here only

    liar.header = (b"content-security-policy", f"script-src *; {CONTENT_SECURITY_POLICY}".encode())
    assert [file.form for file in _differing(address, digests)] == ["content-security-policy"]


def test_a_file_that_is_gone_and_another_build_are_noticed(liar: _Liar, address: str, digests: dict[str, str]) -> None:
    liar.gone = ".css"
    assert {file.state for file in _differing(address, digests)} == {FileState.MISSING}
    other = {**digests, "submit/index.html": "0" * 64}
    assert same_as_published(address, other) is False
    assert digest_of_build(other) != digest_of_build(digests)


def test_the_command_says_what_differs_and_how_it_ended(
    liar: _Liar, address: str, digests: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify-page", address]) == 0
    assert "file by file" in capsys.readouterr().out
    mine = tmp_path / "digests.json"
    mine.write_text(json.dumps(digests))
    assert main(["verify-page", address, "--digests", str(mine), "--json"]) == 0
    *files, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert last == {"same": True, "build": digest_of_build(digests), "published": True}
    assert {tuple(row["unchecked"]) for row in files} == {("br",)}
    liar.coding = "gzip"
    assert main(["verify-page", address]) == 1
    shown = capsys.readouterr().out
    assert "different" in shown
    assert "not this build" in shown
    mine.write_text("[]")
    assert main(["verify-page", address, "--digests", str(mine)]) == 4
    assert main(["verify-page", "http://127.0.0.1:1"]) == 3


def test_what_cannot_be_compared_says_why(address: str, digests: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        list(check_page(address, "submit", {}))
    with pytest.raises(NotFoundError):
        read_digests(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(CorruptDataError):
        read_digests(tmp_path / "bad.json")
    with pytest.raises(UnavailableError):
        list(check_page("http://127.0.0.1:1", "submit", digests))
