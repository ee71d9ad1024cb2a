"""What the kit remembers of contents, so that it can look back when the lists have grown.

It holds fingerprints of what ordinary users post. So they are sealed under a key beside the database, kept for a number
of days and up to a size, and erased when the platform says that the content is gone or a reviewer has it removed.

**Source:** docs/protocol/platform-v1.md §6.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection

from takeback.model.fingerprint import Algorithm
from takeback.platform import memory_store
from takeback.platform.memory_store import SealedContent
from takeback.platform.remembered import Remembered, seal, unseal


@dataclass(frozen=True, slots=True)
class Noted:
    """A content that is about to be remembered.

    Args:
        content_id: the platform's own name for it.
        sealed: by what it was asked; ``None`` if that is not remembered.
        asked_at: the sequence number of each list before it was asked.
    """

    content_id: str
    sealed: bytes | None = field(repr=False)
    asked_at: Mapping[Algorithm, int]


@dataclass(frozen=True, slots=True)
class Memory:
    """Seals, keeps and opens.

    Args:
        key: 32 bytes.
        keep_days: how long a content is remembered after its last check; 0 remembers nothing.
        max_content_bytes: what is asked of a very long video may be larger, and is not remembered then.
        max_total_bytes: of everything; what was remembered first goes first.
    """

    key: bytes = field(repr=False)
    keep_days: int
    max_content_bytes: int
    max_total_bytes: int

    @property
    def is_on(self) -> bool:
        """Whether anything is remembered."""
        return self.keep_days > 0

    def noted(self, content_id: str, asked: Remembered, asked_at: Mapping[Algorithm, int]) -> Noted:
        """Prepare what :meth:`keep` stores, outside of any transaction."""
        sealed = seal(self.key, content_id, asked) if self.is_on else None
        fits = sealed is not None and len(sealed) <= self.max_content_bytes
        return Noted(content_id, sealed if fits else None, asked_at)

    def keep(self, connection: Connection, noted: Noted, day: date) -> None:
        """Remember a content in place of what was remembered of it before."""
        if noted.sealed is None:
            memory_store.forget(connection, noted.content_id)
            return
        memory_store.remember(connection, noted.content_id, noted.sealed, day)
        memory_store.lower(connection, noted.asked_at)

    def opened(self, content: SealedContent) -> Remembered:
        """What was kept.

        Raises:
            CorruptDataError: ``remembered.unreadable``.
        """
        return unseal(self.key, content.content_id, content.sealed)
