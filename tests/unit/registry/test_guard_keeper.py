"""The thread that compares: it does all there is, rests, outlives failures, and ends when told."""

import io
import threading

from takeback.httpkit.logs import open_log
from takeback.registry.guard_keeper import GuardKeeper


class _Work:
    """Slices that are left; the second fails once."""

    def __init__(self, slices: int) -> None:
        self.left = slices
        self.has_failed = False
        self.is_done = threading.Event()

    def step(self) -> bool:
        if self.left == 1 and not self.has_failed:
            self.has_failed = True
            raise RuntimeError("secret")
        self.left = max(self.left - 1, 0)
        if self.left == 0:
            self.is_done.set()
        return self.left > 0


def test_it_does_everything_and_gets_over_a_failure() -> None:
    work, log = _Work(3), io.StringIO()
    keeper = GuardKeeper(work, open_log(log), look_s=0.01)
    keeper.start()
    assert work.is_done.wait(60)
    keeper.stop()
    keeper.stop()
    assert "guard.recheck_failed" in log.getvalue()
    assert "secret" not in log.getvalue()


def test_it_need_not_be_started() -> None:
    GuardKeeper(_Work(1), open_log(io.StringIO())).stop()
