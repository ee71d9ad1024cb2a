"""The built pages: a static bundle that travels inside the package (``takeback/_web/PAGE/``, made by ``make web``)."""

from pathlib import Path
from typing import Literal

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

import takeback
from takeback.errors import UnavailableError

Page = Literal["submit", "review", "sample", "operator"]


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

    async def index(_request: Request) -> Response:
        return FileResponse(page_folder(page) / "index.html", media_type="text/html; charset=utf-8")

    app.add_route(root, index, methods=["GET"], include_in_schema=False)
    app.mount(f"{root}assets", StaticFiles(directory=_folder_of(page) / "assets", check_dir=False))


def _folder_of(page: Page) -> Path:
    return Path(takeback.__file__).parent / "_web" / page
