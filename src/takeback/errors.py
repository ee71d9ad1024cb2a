"""The one error root and its families.

A family is something a caller treats differently; the ``code`` inside it is stable and may be relied on by other
people's programs. ``message`` is safe to show to anybody. ``detail`` is for the operator's log and never leaves the
process in a reply. Nothing here knows HTTP or exit codes: httpkit and cli map the families, each in one place.
"""


class TakebackError(Exception):
    """Root of everything this project raises on purpose.

    Args:
        code: stable, dotted, lower case, for programs (``media.truncated``).
        message: one plain sentence that says what is wrong and, where possible, what to do.
        detail: private addition for the log; it must not identify a submitter either.
    """

    def __init__(self, code: str, message: str, *, detail: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail


class InvalidInputError(TakebackError):
    """What was given cannot be used: a malformed value, an unreadable picture, a mistyped receipt."""


class UnusableMediaError(InvalidInputError):
    """A file that is not a picture we can decode safely. Codes start with ``media.``."""


class NotFoundError(TakebackError):
    """Nothing is known under this name."""


class ConflictError(TakebackError):
    """The request contradicts what is already there."""


class NotAllowedError(TakebackError):
    """The caller is not known, or may not do this."""


class TooLargeError(TakebackError):
    """The request is larger than a documented limit."""


class UnavailableError(TakebackError):
    """Something outside failed for now: the network, a full disk, a busy database. Trying again may work."""


class CorruptDataError(TakebackError):
    """A file or database of our own is damaged. The caller may rebuild it."""


class ProtocolViolationError(TakebackError):
    """The other side broke the protocol: a wrong chain, a bad signature, a list that goes back in time."""
