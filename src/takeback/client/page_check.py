"""Compares the page that a server sends with the digests of a build: of the installed package, or of a file.

Each file is asked for in every form a browser may be sent (plain, gzip, br), with the headers of an ordinary browser,
and the page's own headers must not let in or load anything that the build does not have. What this shows is what the
server sent to this caller now; it may send another page to somebody else (docs/threat-model.md).

**Source:** docs/protocol/page-v1.md.
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import httpx
from pydantic import RootModel, ValidationError

import takeback
from takeback.client.transport import MAX_REPLY_BYTES, as_unreachable, http_client
from takeback.errors import CorruptDataError, InvalidInputError, NotFoundError

PLACES: Final = {"submit": "/", "operator": "/operator/", "review": "/review/"}
"""Where a server has each page."""

_CODINGS: Final = ("identity", "gzip", "br")
_PACKED: Final = {"br": ".br"}
_ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    "default-src": frozenset({"'none'"}),
    "script-src": frozenset({"'self'", "'wasm-unsafe-eval'"}),
    "worker-src": frozenset({"'self'"}),
    "connect-src": frozenset({"'self'"}),
    "style-src": frozenset({"'self'"}),
    "base-uri": frozenset({"'none'"}),
    "form-action": frozenset({"'none'"}),
}
"""The most that directives may allow which the page's policy must have."""

_HARMLESS: Final = frozenset(
    {
        "img-src",
        "media-src",
        "frame-ancestors",
        "require-trusted-types-for",
        "trusted-types",
        "upgrade-insecure-requests",
    }
)
"""Directives that bring no code in, whatever they say. Any other could, or could tell somebody: it is refused."""

_REFUSED_HEADERS: Final = ("link", "refresh", "service-worker-allowed", "sourcemap")
"""Headers that load something or lead elsewhere; our servers send none of them."""

# As a common browser asks: a server that lies to some must not be told who compares.
_LIKE_A_BROWSER: Final = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.5",
}


class _DigestsShape(RootModel[dict[str, str]]):
    """``digests.json``: SHA-256 of each file by its place in the build."""


class FileState(StrEnum):
    """What became of one file."""

    SAME = "same"
    DIFFERENT = "different"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """One file of the build and what the server sent for it.

    Args:
        file: its place in the build.
        state: how it compares.
        form: which form or header differs; empty if none.
        unchecked: forms that could not be compared, because nothing here unpacks them.
    """

    file: str
    state: FileState
    form: str = ""
    unchecked: tuple[str, ...] = ()


def installed_build() -> Path:
    """The folder of the build inside this package.

    Raises:
        NotFoundError: ``page.not_built``.
    """
    folder = Path(takeback.__file__).parent / "_web"
    if not (folder / "digests.json").is_file():
        raise NotFoundError("page.not_built", "This package holds no built pages to compare with. Name --digests.")
    return folder


def read_digests(file: Path) -> dict[str, str]:
    """The digests of a build.

    Raises:
        NotFoundError: ``page.digests`` if there is no such file.
        CorruptDataError: ``page.digests`` if it is something else.
    """
    try:
        return _DigestsShape.model_validate_json(file.read_bytes()).root
    except OSError:
        raise NotFoundError("page.digests", f"The file {file.name} cannot be read.") from None
    except ValidationError:
        raise CorruptDataError("page.digests", f"The file {file.name} does not hold digests of a build.") from None


def check_page(
    base_url: str, page: str, digests: Mapping[str, str], build: Path | None = None
) -> Iterator[CheckedFile]:
    """Fetch a page and every file of it, and compare.

    Args:
        base_url: of the server.
        page: ``submit``, ``operator`` or ``review``.
        digests: SHA-256 by place in the build.
        build: the folder of the same build, for forms that cannot be unpacked here.

    Raises:
        InvalidInputError: ``registry.address``; ``page.unknown`` if the digests know no such page.
        UnavailableError: ``registry.unreachable``.
    """
    wanted = {name: digest for name, digest in digests.items() if name.startswith(f"{page}/")}
    if page not in PLACES or f"{page}/index.html" not in wanted:
        raise InvalidInputError("page.unknown", f"The digests hold no page '{page}'.")
    with http_client(base_url, headers=_LIKE_A_BROWSER) as http:
        for name, digest in sorted(wanted.items()):
            yield _check_file(http, page, name, digest, build)


def same_as_published(base_url: str, digests: Mapping[str, str]) -> bool | None:
    """Whether the server says of itself (``/digests.json``) that it serves this build; ``None`` if it says nothing."""
    with http_client(base_url, headers=_LIKE_A_BROWSER) as http:
        status, _, body = _get(http, "/digests.json", "identity")
    try:
        return _DigestsShape.model_validate_json(body or b"").root == dict(digests) if status == 200 else None
    except ValidationError:
        return None


def _check_file(http: httpx.Client, page: str, name: str, digest: str, build: Path | None) -> CheckedFile:
    inside = name.removeprefix(f"{page}/")
    path = PLACES[page] + ("" if inside == "index.html" else inside)
    unchecked: list[str] = []
    for coding in _CODINGS:
        status, headers, body = _get(http, path, coding)
        if status == 404 and coding == "identity":
            return CheckedFile(name, FileState.MISSING)
        wrong_header = _wrong_header(headers) if inside == "index.html" else ""
        if status != 200 or wrong_header:
            return CheckedFile(name, FileState.DIFFERENT, wrong_header or f"status {status}")
        is_same = _is_same(body, headers.get("content-encoding", "identity"), digest, name, build)
        if is_same is None:
            unchecked.append(coding)
        elif not is_same:
            return CheckedFile(name, FileState.DIFFERENT, coding)
    return CheckedFile(name, FileState.SAME, unchecked=tuple(unchecked))


def _get(http: httpx.Client, path: str, coding: str) -> tuple[int, httpx.Headers, bytes | None]:
    """Status, headers and the bytes as they came; ``None`` in their place for more than any build has."""
    with as_unreachable(), http.stream("GET", path, headers={"Accept-Encoding": coding}) as response:
        parts, size = [], 0
        for part in response.iter_raw():
            size += len(part)
            if size > MAX_REPLY_BYTES:
                return response.status_code, response.headers, None
            parts.append(part)
        return response.status_code, response.headers, b"".join(parts)


def _is_same(body: bytes | None, coding: str, digest: str, name: str, build: Path | None) -> bool | None:
    if body is None:
        return False
    if coding in _PACKED:
        packed = None if build is None else build / f"{name}{_PACKED[coding]}"
        return None if packed is None or not packed.is_file() else packed.read_bytes() == body
    if coding == "gzip":
        try:
            body = gzip.decompress(body)
        except (OSError, EOFError, zlib.error):
            return False
    elif coding != "identity":
        return False
    return hashlib.sha256(body).hexdigest() == digest


def _wrong_header(headers: httpx.Headers) -> str:
    refused = next((name for name in _REFUSED_HEADERS if name in headers), "")
    return refused or ("" if _is_strict(headers.get("content-security-policy", "")) else "content-security-policy")


def _is_strict(untrusted_policy: str) -> bool:
    parts = [words for part in untrusted_policy.split(";") if (words := part.split())]
    directives = {words[0].lower(): set(words[1:]) for words in parts}
    # Of a directive that comes twice browsers take the first; a comma begins another policy. Ours have neither.
    if len(directives) < len(parts) or "," in untrusted_policy or set(directives) - set(_ALLOWED) - _HARMLESS:
        return False
    return all(name in directives and directives[name] <= allowed for name, allowed in _ALLOWED.items())


def digest_of_build(digests: Mapping[str, str]) -> str:
    """One number for a whole build, short enough to be read out: SHA-256 over its canonical ``digests.json``."""
    text = json.dumps(dict(digests), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
