"""The signing keys: the present one, those it took over from while they overlap, and what they say of each other.

The present key is the file ``feed-signing-key``; everything else is in ``key-history.json`` beside it (mode 0600). A
running registry notices when a command has changed them. A key hands over by a statement it signs itself; once the
overlap is over its private half is erased and only the statement stays, so that partner keys made before still work.

**Source:** docs/protocol/feed-v1.md §9.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, ValidationError

from takeback.clock import Clock
from takeback.errors import ConflictError, CorruptDataError, NotFoundError, UnavailableError
from takeback.exchange.signing import KEY_FILE, HeadSigner, open_signer
from takeback.model.entry import Head
from takeback.wire.feed_keys_v1 import (
    REVOCATION_CONTEXT,
    SUCCESSION_CONTEXT,
    KeysShape,
    Revocation,
    StatementShape,
    Succession,
    parse_succession,
    revocation_text,
    succession_text,
)
from takeback.wire.feed_v1 import HEAD_CONTEXT, SignatureShape, SignedHeadShape, head_text, key_id_of
from takeback.wire.shape import Hex16, Hex64

HISTORY_FILE: Final = "key-history.json"
NEXT_FILE: Final = "feed-signing-key.next"


class _FormerShape(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    key_id: Hex16
    public_key: Hex64
    private_key: Hex64 | None
    retires: int


class _HistoryShape(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    former: list[_FormerShape]
    successions: list[StatementShape]
    revocations: list[StatementShape]


@dataclass(frozen=True, slots=True)
class FormerKey:
    """A key that has handed over.

    Args:
        public_key: 32 bytes.
        signer: what signs with it; ``None`` once its private half has been erased.
        retires_s: until when it signs beside the present key, Unix seconds.
    """

    public_key: bytes
    signer: HeadSigner | None = field(repr=False)
    retires_s: int

    @property
    def key_id(self) -> str:
        """Its name."""
        return key_id_of(self.public_key)


@dataclass(frozen=True, slots=True)
class _Ring:
    present: HeadSigner
    former: tuple[FormerKey, ...] = ()
    successions: tuple[StatementShape, ...] = ()
    revocations: tuple[StatementShape, ...] = ()


class Keyring:
    """Signs for a registry.

    Args:
        folder: where the keys are; the first key is made if there is none.
        clock: decides which former keys still sign.

    Raises:
        CorruptDataError: ``keys.corrupt``.
        UnavailableError: ``keys.unreachable``.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._gate = threading.Lock()
        self._seen: tuple[object, ...] = ()
        self._ring = _load(folder)

    def pin(self) -> str:
        """The part of a new partner key that names the present signing key."""
        return self._now().present.pin()

    def present_key_id(self) -> str:
        """The name of the present signing key."""
        return self._now().present.public_key().key_id

    def former(self) -> tuple[FormerKey, ...]:
        """The keys before it, oldest first."""
        return self._now().former

    def keys(self) -> KeysShape:
        """What partners are told (§4.1, §9.3)."""
        ring = self._now()
        return KeysShape(
            keys=[signer.public_key() for signer in self._signers(ring)],
            successions=list(ring.successions),
            revocations=list(ring.revocations),
        )

    def sign(self, head: Head) -> SignedHeadShape:
        """Vouch for a head."""
        text = head_text(head)
        return SignedHeadShape(head=text, signatures=self.sign_text(text, HEAD_CONTEXT))

    def sign_text(self, text: str, context: bytes) -> list[SignatureShape]:
        """Vouch for a text, with the present key and with those that overlap it."""
        return [one for signer in self._signers(self._now()) for one in signer.sign_text(text, context)]

    def rotate(self, overlap_s: int) -> str:
        """Make a new present key; the one before signs beside it for a time.

        Whatever moment this is interrupted at, the keys are those before or those after.

        Args:
            overlap_s: seconds; long enough for every partner to sync once.

        Returns:
            The new key's name.
        """
        ring, now_s = _load(self._folder), self._clock.now_s()
        following = HeadSigner(Ed25519PrivateKey.generate())
        succession = Succession(ring.present.public_bytes(), following.public_bytes(), now_s)
        statement = _stated(ring.present, succession_text(succession), SUCCESSION_CONTEXT)
        former = FormerKey(ring.present.public_bytes(), ring.present, now_s + overlap_s)
        with _as_unreachable(self._folder):
            _write(self._folder / NEXT_FILE, following.private_text())
            after = replace(ring, former=(*ring.former, former), successions=(*ring.successions, statement))
            self._keep(after)
            _finish(self._folder)
        return following.public_key().key_id

    def revoke(self, key_id: str) -> None:
        """Say that a former key is worth nothing: it signs no more, and nobody is led from it to the present one.

        Raises:
            ConflictError: ``keys.present`` for the present key; rotate first.
            NotFoundError: ``keys.unknown``.
        """
        named, ring = self.check_former(key_id), _load(self._folder)
        text = revocation_text(Revocation(named.public_key, self._clock.now_s()))
        after = replace(
            ring,
            former=tuple(replace(one, signer=None) if one.key_id == key_id else one for one in ring.former),
            successions=tuple(
                shape for shape in ring.successions if parse_succession(shape.text).previous != named.public_key
            ),
            revocations=(*ring.revocations, _stated(ring.present, text, REVOCATION_CONTEXT)),
        )
        with _as_unreachable(self._folder):
            self._keep(after)

    def check_former(self, key_id: str) -> FormerKey:
        """The former key of this name.

        Raises:
            ConflictError: ``keys.present`` for the present key.
            NotFoundError: ``keys.unknown``.
        """
        if key_id == self.present_key_id():
            raise ConflictError(
                "keys.present", "This key is in use. Run: takeback registry rotate-key, then revoke this one."
            )
        for one in self.former():
            if one.key_id == key_id:
                return one
        raise NotFoundError("keys.unknown", "There is no former key of this name.")

    def erase_retired(self) -> None:
        """Erase the private halves of keys whose overlap is over."""
        ring = self._now()
        if any(one.signer is not None and not self._overlaps(one) for one in ring.former):
            former = tuple(one if self._overlaps(one) else replace(one, signer=None) for one in ring.former)
            with _as_unreachable(self._folder):
                self._keep(replace(ring, former=former))

    def _signers(self, ring: _Ring) -> list[HeadSigner]:
        overlapping = [one.signer for one in ring.former if one.signer is not None and self._overlaps(one)]
        return [ring.present, *overlapping]

    def _overlaps(self, key: FormerKey) -> bool:
        return self._clock.now_s() < key.retires_s

    def _now(self) -> _Ring:
        seen = tuple(_mark(self._folder / name) for name in (KEY_FILE, HISTORY_FILE, NEXT_FILE))
        with self._gate:
            if seen != self._seen:
                self._ring, self._seen = _load(self._folder), seen
            return self._ring

    def _keep(self, ring: _Ring) -> None:
        shape = _HistoryShape(
            former=[
                _FormerShape(
                    key_id=one.key_id,
                    public_key=one.public_key.hex(),
                    private_key=None if one.signer is None else one.signer.private_text(),
                    retires=one.retires_s,
                )
                for one in ring.former
            ],
            successions=list(ring.successions),
            revocations=list(ring.revocations),
        )
        draft = self._folder / f"{HISTORY_FILE}.draft"
        _write(draft, shape.model_dump_json(indent=1))
        draft.replace(self._folder / HISTORY_FILE)
        _sync_folder(self._folder)


def _load(folder: Path) -> _Ring:
    present = open_signer(folder)
    try:
        shape = _HistoryShape.model_validate_json((folder / HISTORY_FILE).read_bytes())
    except FileNotFoundError:
        return _Ring(present)
    except (ValidationError, OSError):
        raise CorruptDataError(
            "keys.corrupt", f"The history of the signing keys in {folder} is damaged. Restore it from a backup."
        ) from None
    former = tuple(
        FormerKey(
            bytes.fromhex(one.public_key),
            None if one.private_key is None else HeadSigner.of(bytes.fromhex(one.private_key)),
            one.retires,
        )
        for one in shape.former
    )
    present = _finished_rotation(folder, present, former)
    return _Ring(present, former, tuple(shape.successions), tuple(shape.revocations))


def _finished_rotation(folder: Path, present: HeadSigner, former: tuple[FormerKey, ...]) -> HeadSigner:
    """A rotation that was cut off after its statement was kept goes on to its end."""
    if not former or former[-1].public_key != present.public_bytes():
        return present
    with _as_unreachable(folder):
        _finish(folder)
    return open_signer(folder)


def _finish(folder: Path) -> None:
    # A registry that runs may have noticed and done it already.
    with suppress(FileNotFoundError):
        (folder / NEXT_FILE).replace(folder / KEY_FILE)
    _sync_folder(folder)


def _stated(signer: HeadSigner, text: str, context: bytes) -> StatementShape:
    (signature,) = signer.sign_text(text, context)
    return StatementShape(text=text, signature=signature.signature)


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def _write(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(text + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _as_unreachable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnavailableError(
            "keys.unreachable", f"The signing keys in {folder} cannot be changed ({error.strerror})."
        ) from None
