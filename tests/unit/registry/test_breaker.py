from hypothesis import given
from hypothesis import strategies as st

from takeback.registry.breaker import Breaker, BreakerRules

RULES = BreakerRules(trip_per_minute=10, factor=2.0, max_steps=3)


def _after(*minutes: int) -> Breaker:
    """A breaker at the end of minutes with so many submissions each."""
    breaker = Breaker(RULES)
    for minute, count in enumerate(minutes, start=1):
        for _ in range(count):
            breaker.note(60 * minute)
    return breaker


def test_a_flood_makes_the_puzzle_harder_at_once_and_quiet_minutes_make_it_easy_again() -> None:
    breaker = _after(9)
    assert breaker.work(300, 60) == 300
    breaker.note(60)
    assert breaker.work(300, 60) == 600
    for _ in range(10):
        breaker.note(100)
    assert breaker.work(300, 119) == 1200
    assert [breaker.work(300, 60 * minute) for minute in (2, 3, 4, 5)] == [1200, 600, 300, 300]


def test_a_flood_that_goes_on_reaches_the_top_and_stays_there() -> None:
    breaker = _after(10, 10, 10, 10, 10)
    assert breaker.steps(300) == RULES.max_steps
    assert breaker.steps(360) == RULES.max_steps
    assert breaker.steps(420) == RULES.max_steps - 1
    assert breaker.steps(60 * 60) == 0


def test_a_clock_that_is_set_back_neither_calms_nor_alarms() -> None:
    breaker = _after(10)
    assert breaker.steps(0) == 1
    breaker.note(0)
    assert breaker.steps(60) == 1


def test_a_clock_that_was_far_ahead_does_not_leave_it_counting_for_days() -> None:
    breaker = Breaker(RULES)
    for _ in range(10):
        breaker.note(60 * 100_000)
    for minute in range(1, 6):
        for _ in range(9):
            breaker.note(60 * minute)
    assert breaker.steps(60 * 6) == 0


def test_processes_take_their_shares() -> None:
    breaker = Breaker(RULES, lambda: 2)
    for _ in range(4):
        breaker.note(60)
    assert breaker.steps(60) == 0
    breaker.note(60)
    assert breaker.steps(60) == 1
    crowded = Breaker(RULES, lambda: 1000)
    crowded.note(60)
    assert crowded.steps(60) == 1  # at least one each, or nothing would ever be easy


@given(st.lists(st.integers(min_value=0, max_value=9), max_size=20))
def test_ordinary_traffic_never_makes_it_harder(minutes: list[int]) -> None:
    assert _after(*minutes).steps(60 * len(minutes)) == 0


@given(st.lists(st.integers(min_value=0, max_value=60), max_size=20), st.integers(min_value=0, max_value=30))
def test_it_is_never_harder_than_the_top_and_always_calms_down(minutes: list[int], later: int) -> None:
    breaker = _after(*minutes)
    now_min = len(minutes) + later
    assert 0 <= breaker.steps(60 * now_min) <= RULES.max_steps
    assert breaker.steps(60 * (now_min + RULES.max_steps + 1)) == 0
