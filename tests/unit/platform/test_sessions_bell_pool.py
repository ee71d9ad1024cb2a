import asyncio
import threading
import time

import pytest

from takeback.clock import ManualClock
from takeback.errors import UnavailableError
from takeback.httpkit.auth import UnknownCallerError
from takeback.platform.decision_bell import DecisionBell
from takeback.platform.pool import PicturePool
from takeback.platform.sessions import SESSION_S, ReviewSessions


def test_a_session_lives_until_its_end() -> None:
    clock = ManualClock()
    sessions = ReviewSessions("abcd-efgh", clock)
    token = sessions.begin(" ABCD efgh", "robin")
    assert sessions.reviewer_of(token) == "robin"
    clock.advance(SESSION_S - 1)
    assert sessions.reviewer_of(token) == "robin"
    clock.advance(1)
    with pytest.raises(UnknownCallerError):
        sessions.reviewer_of(token)


def test_a_session_that_was_ended_or_never_was() -> None:
    sessions = ReviewSessions("code", ManualClock())
    token = sessions.begin("code", "robin")
    sessions.end(token)
    sessions.end(None)
    for unknown in (token, None, "", "x"):
        with pytest.raises(UnknownCallerError) as refusal:
            sessions.reviewer_of(unknown)
        assert refusal.value.code == "review.session"
    assert token not in repr(sessions)


def test_only_wrong_codes_of_the_last_minute_count() -> None:
    clock = ManualClock()
    sessions = ReviewSessions("code", clock)
    for _ in range(15):
        with pytest.raises(UnknownCallerError):
            sessions.begin("wrong", "robin")
        clock.advance(7)
    sessions.begin("code", "robin")


def test_there_is_an_end_to_the_number_of_sessions() -> None:
    sessions = ReviewSessions("code", ManualClock())
    tokens = [sessions.begin("code", f"r{i}") for i in range(1002)]
    with pytest.raises(UnknownCallerError):
        sessions.reviewer_of(tokens[0])
    assert sessions.reviewer_of(tokens[-1]) == "r1001"


def test_the_bell_wakes_who_waits_and_nobody_else() -> None:
    bell = DecisionBell(3)

    async def story() -> tuple[float, float, float]:
        async def timed(seq: int, timeout_s: float) -> float:
            started = time.monotonic()
            await bell.wait_beyond(seq, timeout_s)
            return time.monotonic() - started

        at_once = await timed(2, 10)
        waiter = asyncio.create_task(timed(3, 10))
        await asyncio.sleep(0.05)
        threading.Thread(target=bell.ring, args=(4,)).start()
        return at_once, await waiter, await timed(4, 0.1)

    at_once, rung, in_vain = asyncio.run(story())
    assert at_once < 0.05
    assert 0.04 < rung < 5
    assert in_vain >= 0.09


def test_a_closed_bell_keeps_nobody() -> None:
    bell = DecisionBell(0)

    async def story() -> None:
        waiter = asyncio.create_task(bell.wait_beyond(0, 60))
        await asyncio.sleep(0.01)
        bell.close()
        await waiter
        await bell.wait_beyond(0, 60)

    asyncio.run(asyncio.wait_for(story(), 5))


def test_the_pool_refuses_one_picture_too_many() -> None:
    pool = PicturePool(workers=1, max_pictures=2)
    go_on = threading.Event()

    async def one() -> str:
        with pool.place():
            return await pool.run(lambda: "done" if go_on.wait(5) else "late")

    async def story() -> list[str]:
        running = [asyncio.create_task(one()) for _ in range(2)]
        await asyncio.sleep(0.05)
        with pytest.raises(UnavailableError) as refusal:
            await one()
        assert refusal.value.code == "server.busy"
        go_on.set()
        done = await asyncio.gather(*running)
        return [*done, await one()]

    assert asyncio.run(story()) == ["done"] * 3
    pool.close()
