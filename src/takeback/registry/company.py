"""Whether a batch has company enough, or has waited for it long enough. No time is stored: a restart waits anew.

**Source:** docs/protocol/case-v1.md §7.2.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Company:
    """Remembers since when something waits.

    Args:
        min_cases: a batch of so many goes at once.
        longest_wait_s: a smaller one goes after so long, with decoys beside it.
    """

    min_cases: int
    longest_wait_s: float
    _since_s: float | None = None

    def may_go(self, cases: int, *, is_anything: bool, now_s: float) -> bool:
        """Whether the batch should run now.

        Args:
            cases: submissions that wait.
            is_anything: whether anything waits, withdrawals for instance.
            now_s: seconds; a clock that went back makes it wait anew.
        """
        if not is_anything:
            self._since_s = None
            return True
        if self._since_s is None or now_s < self._since_s:
            self._since_s = now_s
        if cases < self.min_cases and now_s - self._since_s < self.longest_wait_s:
            return False
        self._since_s = None
        return True
