"""Puts the sample photo wall together. It knows the platform kit by its address and its API token only.

``python -m takeback.apps.sample`` serves it.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from fastapi import FastAPI

from takeback.clock import Clock, SystemClock
from takeback.errors import TakebackError
from takeback.httpkit.application import bare_app
from takeback.httpkit.headers import SecurityHeaders
from takeback.httpkit.limits import BodyLimit, InFlightLimit
from takeback.httpkit.logs import EventLog, open_log
from takeback.httpkit.pages import mount_page
from takeback.httpkit.problem import install_problem_handlers
from takeback.httpkit.serve import run
from takeback.sample.http import wall_router
from takeback.sample.kit import Kit
from takeback.sample.service import WallService
from takeback.sample.wall import Wall
from takeback.settings import SampleSettings, load_settings

_MAX_PICTURE_BYTES: Final = 32 * 1024 * 1024
_MAX_IN_FLIGHT: Final = 32


@dataclass(slots=True)
class Sample:
    """A wall that is put together. Use it in a ``with``; at its end it forgets everything.

    Args:
        app: what answers HTTP.
    """

    app: FastAPI = field(repr=False)
    _service: WallService = field(repr=False)
    _folder: Path = field(repr=False)

    def start(self) -> None:
        """Start following the kit's decisions."""
        self._service.start()

    def close(self) -> None:
        """End the threads and erase every picture."""
        self._service.stop()
        self._service.kit.http.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def build_sample(
    settings: SampleSettings, clock: Clock | None = None, log: EventLog | None = None, folder: Path | None = None
) -> Sample:
    """Put a wall together.

    Args:
        settings: where the kit is and its API token.
        clock: the time; the machine's if not given.
        log: where notices go; standard error if not given.
        folder: where to make the temporary folder; the system's place if not given.
    """
    events = log or open_log()
    pictures = Path(tempfile.mkdtemp(prefix="wall-", dir=folder))
    wall = Wall(pictures)
    kit = Kit.at(settings.kit, settings.kit_token.get_secret_value())
    service = WallService(wall, kit, clock or SystemClock(), events)
    return Sample(_app(service, wall, events), service, pictures)


def serve(settings: SampleSettings, on_ready: Callable[[str], None] | None = None) -> None:
    """Run a wall until a signal ends it.

    Args:
        settings: where the kit is and its API token.
        on_ready: called once with the URL.

    Raises:
        TakebackError: ``serve.…`` if it cannot listen.
    """
    log = open_log()
    log.info("wall.forgets", detail="this wall forgets every picture when it stops")
    with build_sample(settings, log=log) as sample:
        run(sample.app, settings.host, settings.port, log, on_ready)


def _app(service: WallService, wall: Wall, log: EventLog) -> FastAPI:
    app = bare_app("Sample photo wall")
    install_problem_handlers(app, log)
    app.include_router(wall_router(service, wall))
    mount_page(app, "sample", at="/")
    app.add_middleware(BodyLimit, max_body_bytes=_MAX_PICTURE_BYTES)
    app.add_middleware(InFlightLimit, max_in_flight=_MAX_IN_FLIGHT)
    app.add_middleware(SecurityHeaders)
    return app


if __name__ == "__main__":
    try:
        serve(load_settings(SampleSettings), lambda url: print(url, flush=True))  # noqa: T201 - its one line of output
    except TakebackError as error:
        sys.exit(f"{error.message} ({error.code})")
