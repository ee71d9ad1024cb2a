"""The person's side of a case: send it, open it with the receipt, add to it, ask about its holds, withdraw them.

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

from takeback.client.proof import OnGuess, fetch_proof
from takeback.client.sealing import CaseKeys, SealedSubmission, open_sealed, seal, seal_sheets, sheet_keys
from takeback.client.sheets import Numbered, numbered
from takeback.client.transport import call, http_client, with_retries
from takeback.errors import (
    ConflictError,
    CorruptDataError,
    InvalidInputError,
    NotAllowedError,
    ProtocolViolationError,
    UnavailableError,
)
from takeback.model.case import About, CaseContent, Hold, HoldStatus, Submission, Terms
from takeback.model.fingerprint import Fingerprint
from takeback.model.receipt import Receipt
from takeback.wire.case_v1 import (
    BODY_SIZES_BYTES,
    MAX_HOLDS,
    MAX_SHEETS,
    AcceptedShape,
    HoldsStatusShape,
    OpenCaseShape,
    SealedCaseShape,
    SubmissionShape,
    TermsShape,
    hold_status,
    parse_submission,
    submission_body,
    terms_of,
    tokens_body,
)
from takeback.wire.shape import decode_base64, parse_reply

RETRY_WAITS_S = (0.5, 2.0, 5.0)
"""A dropped connection is usually back within seconds; after that the person is told and can send the same later."""

_REPLY = "registry.reply"

_ADDING_TRIES = 5
"""So often somebody else may add to the same case at the same moment before we give up."""


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
        on_guess: told of progress with the registry's puzzle.
    """

    http: httpx.Client = field(repr=False)
    waits_s: Sequence[float] = RETRY_WAITS_S
    sleep: Callable[[float], None] = time.sleep
    on_guess: OnGuess | None = None

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
        accepted = parse_reply(AcceptedShape, self._post("/v1/cases", body, needs_proof=True), _REPLY)
        if accepted.state != "being_added":
            raise ProtocolViolationError(_REPLY, "The registry did not say that it keeps the case.")

    def submit_all(self, submissions: Sequence[Submission]) -> None:
        """Send the sheets of a case one after the other; after a failure all may be sent again."""
        for submission in submissions:
            self.submit(submission)

    def terms(self) -> Terms:
        """What the registry's operator has set that a person should know."""
        reply = with_retries(lambda: call(self.http, "GET", "/v1/terms"), self.waits_s, self.sleep)
        return terms_of(parse_reply(TermsShape, reply, _REPLY))

    def open(self, receipt: Receipt) -> CaseContent:
        """Fetch all sheets a receipt belongs to and open them.

        Raises:
            NotFoundError: ``case.unknown``.
            CorruptDataError: ``case.damaged`` or ``case.content``.
        """
        sheets = self.open_sheets(sheet_keys(receipt))
        return CaseContent(sheets[0].day, tuple(hold for sheet in sheets for hold in sheet.holds))

    def open_with(self, keys: CaseKeys) -> CaseContent:
        """One sheet, with keys derived already."""
        return self.open_sheets((keys,))[0]

    def open_sheets(self, keys: Sequence[CaseKeys]) -> tuple[CaseContent, ...]:
        """The sheets there are, with keys derived already. All are asked for at once, so the size says nothing."""
        first, *more = (item.case_id.hex() for item in keys)
        body = OpenCaseShape(case_id=first, more=more).model_dump_json().encode()
        reply = parse_reply(SealedCaseShape, self._post("/v1/cases/open", body), _REPLY)
        if len(reply.more) > len(more):
            raise ProtocolViolationError(_REPLY, "The registry answered with more than was asked for.")
        try:
            sealed = [decode_base64(text, _REPLY) for text in (reply.sealed, *reply.more)]
        except InvalidInputError:
            raise ProtocolViolationError(_REPLY, "The server's answer is not what the protocol says.") from None
        return tuple(open_sealed(key, item) for key, item in zip(keys, sealed, strict=False))

    def add(self, receipt: Receipt, files: Sequence[Sequence[Fingerprint]], day: date) -> int:
        """Add files to a case: they go onto sheets of their own after those there are (case-v1 §5.6).

        Returns:
            The number of the first file added.

        Raises:
            NotFoundError: ``case.unknown``.
            InvalidInputError: ``case.empty``, ``case.too_large``.
            ConflictError: ``case.taken`` if others kept adding to this very case at the same time.
        """
        keys = sheet_keys(receipt)
        items: list[Numbered] = []
        is_begun, first_file = False, 0
        for tries_left in reversed(range(_ADDING_TRIES)):
            there = self.open_sheets(keys)
            if not is_begun:
                first_file = 1 + max((hold.file_number for sheet in there for hold in sheet.holds), default=0)
                items = numbered(files, first_file)
            try:
                for submission in seal_sheets(keys[len(there) :], items, day):
                    self.submit(submission)
                    is_begun, items = True, items[len(submission.fingerprints) :]
            except ConflictError as error:
                # Another device took the sheet, and nothing of ours is on it: after it, then.
                if error.code != "case.taken" or not tries_left:
                    raise
            else:
                break
        return first_file

    def status(self, holds: Sequence[Hold]) -> tuple[HeldStatus, ...]:
        """What the registry says about each hold, in the order given."""
        return tuple(item for part in _parts(holds) for item in self._status(part))

    def _status(self, holds: Sequence[Hold]) -> tuple[HeldStatus, ...]:
        reply = parse_reply(HoldsStatusShape, self._post("/v1/holds/status", _tokens(holds)), _REPLY)
        if len(reply.holds) != len(holds):
            raise ProtocolViolationError(_REPLY, "The registry answered about another number of fingerprints.")
        return tuple(HeldStatus(hold, hold_status(shape)) for hold, shape in zip(holds, reply.holds, strict=True))

    def withdraw(self, holds: Sequence[Hold]) -> None:
        """Take these holds back, or begin to where withdrawals wait. Doing it twice changes nothing."""
        self._wish("withdraw", holds, ("withdrawn", "withdrawing"))

    def keep(self, holds: Sequence[Hold]) -> None:
        """Undo a withdrawal that waits."""
        self._wish("keep", holds, ("kept",))

    def renew(self, holds: Sequence[Hold]) -> None:
        """Let these holds last a whole lifetime from now."""
        self._wish("renew", holds, ("renewed",))

    def _wish(self, wish: str, holds: Sequence[Hold], expected: tuple[str, ...]) -> None:
        for part in _parts(holds):
            accepted = parse_reply(AcceptedShape, self._post(f"/v1/holds/{wish}", _tokens(part)), _REPLY)
            if accepted.state not in expected:
                raise ProtocolViolationError(_REPLY, "The registry did not say that it does what was asked.")

    def _post(self, path: str, body: bytes, *, needs_proof: bool = False) -> bytes:
        return with_retries(lambda: self._try(path, body, needs_proof=needs_proof), self.waits_s, self.sleep)

    def _try(self, path: str, body: bytes, *, needs_proof: bool) -> bytes:
        """One request. A proof is good once, so a repetition brings another (case-v1 §9.3)."""
        proof = fetch_proof(self.http, path, body, self.on_guess) if needs_proof else None
        try:
            return call(self.http, "POST", path, body=body, proof=proof)
        except NotAllowedError as error:
            if not error.code.startswith("proof."):
                raise
        return call(self.http, "POST", path, body=body, proof=fetch_proof(self.http, path, body, self.on_guess))


def _parts(holds: Sequence[Hold]) -> list[Sequence[Hold]]:
    return [holds[start : start + MAX_HOLDS] for start in range(0, len(holds), MAX_HOLDS)]


def _tokens(holds: Sequence[Hold]) -> bytes:
    return tokens_body([hold.token for hold in holds])


def submit_case(
    registry: str, files: Sequence[Sequence[Fingerprint]], day: date, about: About | None = None
) -> Receipt:
    """Seal the fingerprints of a person's files, send the case, and return the receipt.

    To keep the sealed case when the registry cannot be reached, use :func:`takeback.client.sealing.seal`,
    :func:`write_submission` and :meth:`CaseClient.submit` one after the other.
    """
    sealed = seal(files, day, about)
    with CaseClient.at(registry) as client:
        client.submit_all(sealed.submissions)
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
    body = b"\n".join(submission_body(submission) for submission in sealed.submissions)
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


def read_submission(path: Path) -> tuple[bytes, ...]:
    """The bodies in a submission file, one for each sheet, checked before they are sent.

    Raises:
        InvalidInputError: ``submission.missing`` if it cannot be read.
        CorruptDataError: ``submission.damaged`` if it is not a whole submission.
    """
    largest = MAX_SHEETS * (max(BODY_SIZES_BYTES) + 1)
    try:
        with path.open("rb") as file:
            bodies = tuple(file.read(largest + 1).split(b"\n"))
    except OSError as error:
        raise InvalidInputError("submission.missing", f"The file cannot be read: {error.strerror}.") from None
    damaged = CorruptDataError("submission.damaged", "This file is not a whole submission.")
    for body in bodies:
        if len(body) not in BODY_SIZES_BYTES:
            raise damaged
        try:
            parse_submission(SubmissionShape.model_validate_json(body))
        except (ValidationError, InvalidInputError):
            raise damaged from None
    return bodies
