"""How many receipts that open nothing are answered in a minute, by everybody together: nobody is told apart.

A guess costs the guesser an Argon2 on their own device (case-v1 §3.1) and a receipt has 59 random bits; this only keeps
a flood of guesses from using up the service. A receipt that opens something is never refused.
"""

import threading
from dataclasses import dataclass, field

from takeback.errors import UnavailableError

_MINUTE_S = 60


@dataclass(slots=True)
class Tries:
    """Counts by the minute, in memory.

    Args:
        per_minute: so many are answered.
    """

    per_minute: int
    _minute: int = 0
    _count: int = 0
    _gate: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def note(self, now_s: int) -> None:
        """One more.

        Raises:
            UnavailableError: ``case.tries`` if it is one too many.
        """
        with self._gate:
            minute = now_s // _MINUTE_S
            if minute != self._minute:
                self._minute, self._count = minute, 0
            self._count += 1
            if self._count > self.per_minute:
                raise UnavailableError(
                    "case.tries", "Too many wrong numbers were tried just now. Please try again in a minute."
                )
