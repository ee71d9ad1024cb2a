"""The built pages: a static bundle that travels inside the package (``takeback/_web/PAGE/``, made by ``make web``).

The build writes a packed form beside every file, and it is sent to whoever takes it: the page has to arrive on an old
phone with a bad connection. Nothing secret and nothing of the person is in these files, so packing tells nobody
anything; what is made for one request is never packed together with a secret here.
"""

import mimetypes
import os
from pathlib import Path
from typing import Literal

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import PathLike, StaticFiles
from starlette.types import Scope

import takeback
from takeback.errors import UnavailableError
from takeback.httpkit.codings import takes_coding

Page = Literal["submit", "review", "sample", "operator"]

_PACKED = (("br", ".br"), ("gzip", ".gz"))
"""Content codings, the best first, and how the files that have them end (web/scripts/build.js)."""


def page_folder(page: Page) -> Path:
    """Where the built page is.

    Raises:
        UnavailableError: ``page.not_built``.
    """
    folder = _folder_of(page)
    if not (folder / "index.html").is_file():
        raise UnavailableError(
            "page.not_built", f"The page '{page}' is not built here. In a source checkout, run: make web"
        )
    return folder


def mount_page(app: FastAPI, page: Page, at: str = "/") -> None:
    """Serve a page at ``at`` and its files at ``at`` + ``assets/``. A page that is not built answers 503 and says so.

    Whether it is built is looked at when it is asked for, so an API without its page still serves.
    """
    root = at if at.endswith("/") else f"{at}/"

    async def index(request: Request) -> Response:
        return _file(page_folder(page) / "index.html", request.headers, "text/html; charset=utf-8")

    app.add_route(root, index, methods=["GET"], include_in_schema=False)
    app.mount(f"{root}assets", _Assets(directory=_folder_of(page) / "assets", check_dir=False))


def mount_digests(app: FastAPI) -> None:
    """Serve ``/digests.json``: the SHA-256 of every file of the build, for whoever compares.

    **Source:** docs/protocol/page-v1.md §2.
    """

    async def digests(request: Request) -> Response:
        page_folder("submit")
        return _file(_folder_of("submit").parent / "digests.json", request.headers, "application/json")

    app.add_route("/digests.json", digests, methods=["GET"], include_in_schema=False)


class _Assets(StaticFiles):
    """Files whose names change with their content, each in the smallest form that the caller takes."""

    def file_response(
        self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Answer with a file that is there."""
        del stat_result, status_code  # what is packed has a size of its own; nothing here is an error page
        return _file(Path(full_path), Headers(scope=scope), mimetypes.guess_type(full_path)[0])


def _file(path: Path, headers: Headers, media_type: str | None) -> Response:
    accepted = headers.get("accept-encoding", "")
    for coding, ending in _PACKED:
        packed = path.with_name(path.name + ending)
        if takes_coding(accepted, coding) and packed.is_file():
            how = {"content-encoding": coding, "vary": "accept-encoding"}
            return FileResponse(packed, media_type=media_type, headers=how)
    return FileResponse(path, media_type=media_type, headers={"vary": "accept-encoding"})


def _folder_of(page: Page) -> Path:
    return Path(takeback.__file__).parent / "_web" / page
