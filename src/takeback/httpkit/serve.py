"""Running an application: in the foreground until a signal ends it, or in a thread for tests and the demo.

uvicorn without access log and without its ``server`` header. Forwarded-for headers are not read: the address of a
caller is never looked at, so a proxy has nothing to tell.
"""

import contextlib
import errno
import gc
import signal
import socket
import threading
from collections.abc import Callable, Generator
from functools import partial
from types import FrameType, TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp

from takeback.errors import InvalidInputError, UnavailableError
from takeback.httpkit.logs import EventLog, open_log, route_library_logs
from takeback.httpkit.stopping import tell_stopping

_GRACE_S = 10
_START_TIMEOUT_S = 60.0


def run(
    app: ASGIApp, host: str, port: int, log: EventLog | None = None, on_ready: Callable[[str], None] | None = None
) -> None:
    """Serve until SIGINT or SIGTERM, then let running requests finish and return.

    Args:
        app: what answers.
        host: address to listen on.
        port: 0 takes a free one.
        log: where notices go; standard error if not given.
        on_ready: called once with the URL, when requests are being answered.

    Raises:
        UnavailableError: ``serve.port_taken`` or ``serve.port_denied``.
        InvalidInputError: ``serve.address``.
    """
    events = open_log() if log is None else log
    route_library_logs(events)
    with contextlib.closing(_listen(host, port)) as listener:
        url = _url_of(host, listener)

        def ready() -> None:
            events.info("server.ready", listening=url)
            if on_ready is not None:
                on_ready(url)

        # What has been set up lives as long as the process: the garbage collector need not walk through it again and
        # again, which would hold up everybody's requests for tens of milliseconds each time.
        gc.collect()
        gc.freeze()
        _UvicornServer(app, ready).run(sockets=[listener])
    events.info("server.stopped", listening=url)


class Server:
    """A server in a thread of this process: a context manager with a ``url``.

    Args:
        app: what answers.
        host: address to listen on.
        port: 0 takes a free one.
    """

    def __init__(self, app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> None:
        self._listener = _listen(host, port)
        self.url = _url_of(host, self._listener)
        self._ready = threading.Event()
        self._uvicorn = _UvicornServer(app, self._ready.set)
        self._thread = threading.Thread(target=self._serve, name=f"serve {self.url}", daemon=True)

    def start(self) -> None:
        """Return when requests are being answered.

        Raises:
            UnavailableError: ``serve.start`` if the application does not come up.
        """
        self._thread.start()
        if not self._ready.wait(_START_TIMEOUT_S) or not self._uvicorn.started:
            self.stop()
            raise UnavailableError("serve.start", f"The server at {self.url} did not start.")

    def stop(self) -> None:
        """Let running requests finish and end the thread. May be called twice."""
        self._uvicorn.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._listener.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _serve(self) -> None:
        try:
            # uvicorn ends with SystemExit when the application's start-up fails.
            with contextlib.suppress(SystemExit):
                self._uvicorn.run(sockets=[self._listener])
        finally:
            self._ready.set()


class _UvicornServer(uvicorn.Server):
    """uvicorn's server, which says when it is ready and returns on a signal instead of raising it again.

    Raised again, SIGTERM would end the process before the database is closed.
    """

    def __init__(self, app: ASGIApp, ready: Callable[[], None]) -> None:
        super().__init__(_config(app))
        self._ready = ready
        self._on_stop = partial(tell_stopping, app)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let go of requests that wait, then end as uvicorn does."""
        self._on_stop()
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Take SIGINT and SIGTERM while serving, if this is the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        # The second Ctrl-C means: now.
        self.force_exit = self.should_exit and number == signal.SIGINT
        self.should_exit = True


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=_GRACE_S,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise _cannot_listen(error, host, port) from None
    return listener


def _cannot_listen(error: OSError, host: str, port: int) -> UnavailableError | InvalidInputError:
    if error.errno == errno.EADDRINUSE:
        return UnavailableError(
            "serve.port_taken", f"Port {port} on {host} is in use. Stop what uses it, or choose another with --port."
        )
    if error.errno == errno.EACCES:
        return UnavailableError(
            "serve.port_denied", f"Port {port} may not be used here. Choose one above 1023 with --port."
        )
    return InvalidInputError("serve.address", f"It is not possible to listen on '{host}'. Check --host.")


def _url_of(host: str, listener: socket.socket) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"
