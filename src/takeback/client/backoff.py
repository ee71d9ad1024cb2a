"""How long to wait after something outside failed."""

from dataclasses import dataclass, field

_LONGEST_S = 300.0


@dataclass(slots=True)
class Backoff:
    """Doubles the pause after each failure and starts over after a success.

    Args:
        first_s: the pause while all goes well, and after the first failure.
        longest_s: never longer than this, unless ``first_s`` is.
    """

    first_s: float
    longest_s: float = _LONGEST_S
    _failures: int = field(default=0, init=False)

    def after(self, *, failed: bool) -> float:
        """Seconds to wait after one more try."""
        self._failures = min(self._failures + 1, 30) if failed else 0
        return min(self.first_s * 2.0 ** max(self._failures - 1, 0), max(self.longest_s, self.first_s))
