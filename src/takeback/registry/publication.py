"""When each part of a log was published: what protocols need that ask by time instead of by number.

The log itself knows days only. This table knows to the second when a batch came out, which is what any partner that
polls sees anyway, and forgets it: of a day that is over only one row a list is left, at the day's last second. Times
rise with the numbers, never fall, and move only forward; so whoever asks by time again gets changes twice at worst.

**Source:** docs/adr/0040-publication-times.md.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection, delete, func, insert, select

from takeback.model.fingerprint import Algorithm
from takeback.registry.tables import LISTS, PUBLICATIONS

CLOCK_TOLERANCE_S = 5
"""How far a partner's clock, or another process's, may be ahead of ours. What is published now counts as published
after that, so that nobody who asks up to "now" by such a clock can miss it."""

_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Timetable:
    """One list's times: changes up to and with ``seqs[i]`` were published at ``times[i]``, both strictly rising."""

    seqs: tuple[int, ...]
    times: tuple[int, ...]

    def seq_at(self, at_s: int) -> int:
        """The last change that was published at ``at_s`` or before; 0 for none."""
        position = bisect_right(self.times, at_s)
        return self.seqs[position - 1] if position else 0

    def time_of(self, seq: int) -> int:
        """When a change up to :meth:`last_seq` was published, Unix seconds."""
        return self.times[bisect_left(self.seqs, seq)]

    def last_seq(self) -> int:
        """The last change that was published; 0 for none."""
        return self.seqs[-1] if self.seqs else 0


def timetable(connection: Connection, name: Algorithm) -> Timetable:
    """A list's times: one a day for days that are over, and today's batches."""
    columns = PUBLICATIONS.c
    rows = connection.execute(
        select(columns.seq, columns.published).where(columns.list == name.value).order_by(columns.seq)
    ).all()
    return Timetable(tuple(row.seq for row in rows), tuple(row.published for row in rows))


def is_anything_unpublished(connection: Connection) -> bool:
    """Whether a log has changes that have no time yet."""
    known = _published(connection)
    return any(seq > known.get(name, (0, 0))[0] for name, seq in _ends(connection))


def publish(connection: Connection, now_s: int) -> None:
    """Note the time of whatever was added to any log since this was last called. The caller commits.

    Two must not run at once: the batch's lock keeps them apart.
    """
    known = _published(connection)
    for name, seq in _ends(connection):
        published_seq, published_s = known.get(name, (0, 0))
        if seq > published_seq:
            _coarsen(connection, name, now_s)
            time_s = max(now_s + CLOCK_TOLERANCE_S, published_s) + 1
            connection.execute(insert(PUBLICATIONS), {"list": name, "seq": seq, "published": time_s})


def _published(connection: Connection) -> dict[str, tuple[int, int]]:
    columns = PUBLICATIONS.c
    newest = select(columns.list, func.max(columns.seq), func.max(columns.published)).group_by(columns.list)
    return {name: (seq, published_s) for name, seq, published_s in connection.execute(newest)}


def _ends(connection: Connection) -> list[tuple[str, int]]:
    return [(name, seq) for name, seq in connection.execute(select(LISTS.c.list, LISTS.c.seq))]


def _coarsen(connection: Connection, name: str, now_s: int) -> None:
    today_s = now_s - now_s % _SECONDS_A_DAY
    columns = PUBLICATIONS.c
    of_before = (columns.list == name) & (columns.published < today_s)
    rows = connection.execute(select(columns.seq, columns.published).where(of_before).order_by(columns.seq)).all()
    if all(row.published % _SECONDS_A_DAY == _SECONDS_A_DAY - 1 for row in rows):
        return
    connection.execute(delete(PUBLICATIONS).where(of_before))
    days = [
        (day, max(row.seq for row in group))
        for day, group in groupby(rows, lambda row: row.published // _SECONDS_A_DAY)
    ]
    connection.execute(
        insert(PUBLICATIONS),
        [{"list": name, "seq": seq, "published": (day + 1) * _SECONDS_A_DAY - 1} for day, seq in days],
    )
