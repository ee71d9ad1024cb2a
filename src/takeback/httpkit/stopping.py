"""How a server tells requests that wait for something that it is about to end.

uvicorn lets running requests finish; one that waits for news would hold it for as long as that takes. An application
that has such requests calls :func:`stopping_of` when it is built, and whatever serves it sets the flag first.
"""

import threading

from fastapi import FastAPI
from starlette.types import ASGIApp


class Stopping:
    """Set once, when the server begins to end."""

    def __init__(self) -> None:
        self._flag = threading.Event()

    def is_set(self) -> bool:
        """Whether the server is about to end."""
        return self._flag.is_set()

    def set(self) -> None:
        """Say so."""
        self._flag.set()


def stopping_of(app: FastAPI) -> Stopping:
    """The application's flag; made at the first call."""
    found = getattr(app.state, "stopping", None)
    if isinstance(found, Stopping):
        return found
    made = Stopping()
    app.state.stopping = made
    return made


def tell_stopping(app: ASGIApp) -> None:
    """Set the flag of an application that has one."""
    if isinstance(app, FastAPI):
        stopping_of(app).set()
