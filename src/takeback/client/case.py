"""The person's side of a case: send it, open it with the receipt, ask about its holds, withdraw them.

A receipt is checked before anything is sent, and only what it derives goes out. A submission is a fixed string of
bytes: sending it again after a lost reply adds nothing twice (case-v1 §5.3).

**Source:** docs/protocol/case-v1.md §5 and §6.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from pydantic import ValidationError

from takeback.client.sealing import CaseKeys, SealedSubmission, case_keys, open_sealed, seal
from takeback.client.transport import call, http_client, with_retries
from takeback.errors import CorruptDataError, InvalidInputError, ProtocolViolationError, UnavailableError
from takeback.model.case import CaseContent, Hold, HoldStatus, Submission
from takeback.model.fingerprint import Fingerprint
from takeback.model.receipt import Receipt
from takeback.wire.case_v1 import (
    BODY_SIZES_BYTES,
    AcceptedShape,
    HoldsStatusShape,
    OpenCaseShape,
    SealedCaseShape,
    SubmissionShape,
    hold_status,
    parse_submission,
    submission_body,
    tokens_body,
)
from takeback.wire.shape import decode_base64, parse_reply

RETRY_WAITS_S = (0.5, 2.0, 5.0)
"""A dropped connection is usually back within seconds; after that the person is told and can send the same later."""

_REPLY = "registry.reply"


@dataclass(frozen=True, slots=True)
class HeldStatus:
    """One hold of a case and what the registry says about it."""

    hold: Hold
    status: HoldStatus


@dataclass(slots=True)
class CaseClient:
    """Talks to one registry for a person.

    Args:
        http: from :func:`takeback.client.transport.http_client`.
        waits_s: pauses between tries while the registry cannot be reached.
        sleep: how to pause.
    """

    http: httpx.Client = field(repr=False)
    waits_s: Sequence[float] = RETRY_WAITS_S
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def at(cls, registry: str) -> Self:
        """A client for the registry at this address."""
        return cls(http_client(registry))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def submit(self, submission: Submission) -> None:
        """Send a case and wait until the registry has it on disk.

        Raises:
            UnavailableError: it could not be reached. It may have the case all the same; send the same again.
            TakebackError: as :func:`takeback.client.transport.call`.
        """
        self.submit_body(submission_body(submission))

    def submit_body(self, body: bytes) -> None:
        """Send a submission's bytes as they are, such as :func:`read_submission` gives them."""
        accepted = parse_reply(AcceptedShape, self._post("/v1/cases", body), _REPLY)
        if accepted.state != "being_added":
            raise ProtocolViolationError(_REPLY, "The registry did not say that it keeps the case.")

    def open(self, receipt: Receipt) -> CaseContent:
        """Fetch the case a receipt belongs to and open it.

        Raises:
            NotFoundError: ``case.unknown``.
            CorruptDataError: ``case.damaged`` or ``case.content``.
        """
        return self.open_with(case_keys(receipt))

    def open_with(self, keys: CaseKeys) -> CaseContent:
        """The same with keys derived already."""
        body = OpenCaseShape(case_id=keys.case_id.hex()).model_dump_json().encode()
        reply = parse_reply(SealedCaseShape, self._post("/v1/cases/open", body), _REPLY)
        try:
            sealed = decode_base64(reply.sealed, _REPLY)
        except InvalidInputError:
            raise ProtocolViolationError(_REPLY, "The server's answer is not what the protocol says.") from None
        return open_sealed(keys, sealed)

    def status(self, holds: Sequence[Hold]) -> tuple[HeldStatus, ...]:
        """What the registry says about each hold, in the order given."""
        reply = parse_reply(HoldsStatusShape, self._post("/v1/holds/status", _tokens(holds)), _REPLY)
        if len(reply.holds) != len(holds):
            raise ProtocolViolationError(_REPLY, "The registry answered about another number of fingerprints.")
        return tuple(HeldStatus(hold, hold_status(shape)) for hold, shape in zip(holds, reply.holds, strict=True))

    def withdraw(self, holds: Sequence[Hold]) -> None:
        """Take these holds back. Doing it twice changes nothing."""
        accepted = parse_reply(AcceptedShape, self._post("/v1/holds/withdraw", _tokens(holds)), _REPLY)
        if accepted.state != "withdrawn":
            raise ProtocolViolationError(_REPLY, "The registry did not say that it has withdrawn the case.")

    def _post(self, path: str, body: bytes) -> bytes:
        return with_retries(lambda: call(self.http, "POST", path, body=body), self.waits_s, self.sleep)


def _tokens(holds: Sequence[Hold]) -> bytes:
    return tokens_body([hold.token for hold in holds])


def submit_case(registry: str, files: Sequence[Sequence[Fingerprint]], day: date) -> Receipt:
    """Seal the fingerprints of a person's files, send the case, and return the receipt.

    To keep the sealed case when the registry cannot be reached, use :func:`takeback.client.sealing.seal`,
    :func:`write_submission` and :meth:`CaseClient.submit` one after the other.
    """
    sealed = seal(files, day)
    with CaseClient.at(registry) as client:
        client.submit(sealed.submission)
    return sealed.receipt


def case_status(registry: str, receipt: Receipt) -> tuple[HeldStatus, ...]:
    """Open a case and ask about every hold in it."""
    with CaseClient.at(registry) as client:
        return client.status(client.open(receipt).holds)


def withdraw_case(registry: str, receipt: Receipt) -> int:
    """Withdraw every hold of a case; returns how many there were."""
    with CaseClient.at(registry) as client:
        holds = client.open(receipt).holds
        client.withdraw(holds)
        return len(holds)


def write_submission(path: Path, sealed: SealedSubmission) -> None:
    """Write what would be sent into a new file (mode 0600), to be sent later or from another machine.

    The receipt is not in it.

    Raises:
        InvalidInputError: ``submission.exists``; an existing file is never overwritten.
        UnavailableError: ``submission.write``.
    """
    body = submission_body(sealed.submission)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise InvalidInputError("submission.exists", "There is a file of this name already.") from None
    except OSError as error:
        raise UnavailableError("submission.write", f"The file cannot be written: {error.strerror}.") from None


def read_submission(path: Path) -> bytes:
    """The bytes of a submission file, checked before they are sent.

    Raises:
        InvalidInputError: ``submission.missing`` if it cannot be read.
        CorruptDataError: ``submission.damaged`` if it is not a whole submission.
    """
    largest = max(BODY_SIZES_BYTES)
    try:
        with path.open("rb") as file:
            body = file.read(largest + 1)
    except OSError as error:
        raise InvalidInputError("submission.missing", f"The file cannot be read: {error.strerror}.") from None
    damaged = CorruptDataError("submission.damaged", "This file is not a whole submission.")
    if len(body) not in BODY_SIZES_BYTES:
        raise damaged
    try:
        parse_submission(SubmissionShape.model_validate_json(body))
    except (ValidationError, InvalidInputError):
        raise damaged from None
    return body
