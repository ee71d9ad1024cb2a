"""Logs: one JSON object a line on standard error, with fields from a closed list.

The list is what keeps an address, a user agent or a fingerprint out: a field that is not on it is dropped, whoever
passes it. There is no access log. The servers' and libraries' own messages go through too, but only as the constant
text in their source, never with the arguments, which may hold anything.
"""

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

ALLOWED_FIELDS = frozenset(
    {
        "event",
        "level",
        "at",
        "code",
        "detail",
        "error",
        "where",
        "library",
        "room",
        "list",
        "seq",
        "partner",
        "listening",
        "seconds",
        "attempt",
        "dropped_fields",
    }
)
"""What may stand in a log. ``detail`` is written by us and never quotes what came from outside."""

EventLog = FilteringBoundLogger


def open_log(stream: TextIO | None = None) -> EventLog:
    """A log that writes to ``stream``, or to standard error."""
    target = sys.stderr if stream is None else stream
    logger: EventLog = structlog.wrap_logger(
        structlog.PrintLogger(target),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            keep_allowed_fields,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        context_class=dict,
    )
    return logger


def keep_allowed_fields(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Drop every field that is not on the list, and say how many there were."""
    kept = {name: value for name, value in event.items() if name in ALLOWED_FIELDS}
    if len(kept) < len(event):
        kept["dropped_fields"] = len(event) - len(kept)
    return kept


def origin_of(error: BaseException) -> str:
    """Where an exception was raised, as ``file:line``: its text is not safe to log, its place is."""
    step = error.__traceback__
    if step is None:
        return "unknown"
    while step.tb_next is not None:
        step = step.tb_next
    name = step.tb_frame.f_code.co_filename.replace("\\", "/")
    return f"{'/'.join(name.split('/')[-2:])}:{step.tb_lineno}"


class LibraryNotices(logging.Handler):
    """Passes a library's warnings on without their arguments.

    Args:
        log: where they go.
    """

    def __init__(self, log: EventLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write the message's constant text and the kind of exception, nothing else."""
        error = record.exc_info[1] if record.exc_info else None
        self._log.warning(
            "library.notice",
            library=record.name,
            detail=record.msg if isinstance(record.msg, str) and record.args else "see where",
            error=None if error is None else type(error).__name__,
            where=f"{record.module}:{record.lineno}" if error is None else origin_of(error),
        )


def route_library_logs(log: EventLog) -> None:
    """Send every standard-library log record of this process through ``log`` instead of printing it."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    root.addHandler(LibraryNotices(log))
    root.setLevel(logging.WARNING)
