"""How often one caller may ask: a token bucket each, in this process's memory.

For callers that are known and few: the registry's partners. Never for people who submit, because nothing may be known
of them to count by.
"""

import threading
from dataclasses import dataclass

from takeback.clock import Clock
from takeback.errors import UnavailableError

_SECONDS_A_MINUTE = 60


class RateLimitedError(UnavailableError):
    """The caller asks too often: 429, where its parent is 503.

    Args:
        code: as for every error.
        message: as for every error.
        retry_after_s: whole seconds until it makes sense to ask again.
    """

    def __init__(self, code: str, message: str, *, retry_after_s: int) -> None:
        super().__init__(code, message)
        self.retry_after_s = retry_after_s


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_s: int


class RequestRate:
    """Counts requests of callers it is told the names of.

    Args:
        clock: fills the buckets.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._gate = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    def take(self, caller: str, per_minute: int, burst: int) -> None:
        """Count one request.

        Args:
            caller: who; one of a bounded set.
            per_minute: how many requests a minute the bucket is refilled with.
            burst: how many it holds.

        Raises:
            RateLimitedError: ``caller.rate``.
        """
        now_s = self._clock.now_s()
        with self._gate:
            bucket = self._buckets.setdefault(caller, _Bucket(burst, now_s))
            # A clock that is set back fills nothing; one that jumps ahead fills one bucket, no more.
            passed_s = max(now_s - bucket.filled_s, 0)
            bucket.tokens = min(bucket.tokens + passed_s * per_minute / _SECONDS_A_MINUTE, burst)
            bucket.filled_s = now_s
            if bucket.tokens >= 1:
                bucket.tokens -= 1
                return
            missing = 1 - bucket.tokens
        wait_s = max(1, -int(-missing * _SECONDS_A_MINUTE // per_minute))
        raise RateLimitedError(
            "caller.rate", f"Too many requests. Please ask again in {wait_s} seconds.", retry_after_s=wait_s
        )
