"""What is listed already is compared with new lines of the guard list, on either database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.plausible import near_pdq, plausible_pdq

from takeback.exchange import store as exchange_store
from takeback.exchange.types import AuditedAct
from takeback.model.case import HoldState
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.registry.set_aside import Cause

if TYPE_CHECKING:
    from tests.registry_rig import RegistryRig

MEME = plausible_pdq(1)


def _near(bits: int) -> Fingerprint:
    return Fingerprint(Algorithm.PDQ, near_pdq(MEME.value, bits), 80)


def _compare_all(rig: RegistryRig) -> None:
    while rig.registry.services.guard.recheck.step():
        pass


def _states(rig: RegistryRig, *tokens: bytes) -> list[HoldState]:
    return [status.state for status in rig.status(*tokens)]


def _quarantined(rig: RegistryRig) -> list[str | None]:
    with rig.registry.engine.connect() as connection:
        records = [record for _, record, _ in exchange_store.audit_lines(connection)]
    rig.registry.services.feed.verify_audit_log()
    return [record.subject for record in records if record.what is AuditedAct.QUARANTINE]


def test_what_was_listed_before_a_line_came_is_taken_off_and_waits(rig: RegistryRig) -> None:
    guard = rig.registry.services.guard
    logo = rig.md5()
    person = rig.submits(_near(30), _near(32), logo, rig.md5())
    rig.batch()
    assert guard.recheck.progress() is None
    assert not guard.recheck.step()
    guard.add([MEME, logo], note="a meme")
    found = guard.recheck.progress()
    assert found is not None
    assert found.is_running
    _compare_all(rig)
    assert _states(rig, *person.tokens) == [
        HoldState.QUARANTINED,
        HoldState.LISTED,
        HoldState.QUARANTINED,
        HoldState.LISTED,
    ]
    assert {len(rig.listed(name)) for name in (Algorithm.PDQ, Algorithm.MD5)} == {1}
    assert {entry.cause for entry in guard.waiting()} == {Cause.GUARD}
    done = guard.recheck.progress()
    assert done is not None
    assert (done.is_running, done.checked, done.total, done.held_back) == (False, 4, 4, 2)
    assert sorted(_quarantined(rig), key=str) == sorted(entry.entry_id for entry in guard.waiting())
    assert not guard.recheck.step()


def test_what_an_operator_put_back_is_asked_about_again_only_for_a_newer_line(rig: RegistryRig) -> None:
    guard = rig.registry.services.guard
    picture = _near(20)
    person = rig.submits(picture)
    rig.batch()
    guard.add([MEME])
    guard.recheck.step()  # begun: the answer comes while it runs
    guard.recheck.step(1)
    (waiting,) = guard.waiting()
    guard.admit(waiting.entry_id)
    _compare_all(rig)
    assert _states(rig, *person.tokens) == [HoldState.LISTED]
    guard.add([rig.md5()])
    _compare_all(rig)
    assert _states(rig, *person.tokens) == [HoldState.LISTED]
    guard.add([Fingerprint(Algorithm.PDQ, near_pdq(picture.value, 6), 80)])
    _compare_all(rig)
    assert _states(rig, *person.tokens) == [HoldState.QUARANTINED]


def test_it_goes_on_where_a_process_ended_and_two_count_nothing_twice(rig: RegistryRig) -> None:
    rig.submits(*[_near(bits) for bits in range(0, 14, 2)], *[rig.pdq() for _ in range(6)])
    rig.batch()
    rig.registry.services.guard.add([MEME])
    other = rig.another_process()
    both = (rig.registry.services.guard.recheck, other.services.guard.recheck)
    both[0].step()
    both[0].step(3)
    half = both[1].progress()
    assert half is not None
    assert (half.is_running, half.checked, half.total) == (True, 3, 13)
    while both[1].step(2) and both[0].step(2):
        pass
    other.close()
    done = both[0].progress()
    assert done is not None
    assert (done.is_running, done.checked, done.held_back) == (False, 13, 7)
    assert len(set(_quarantined(rig))) == len(_quarantined(rig)) == 7
    assert len(rig.listed(Algorithm.PDQ)) == 6


def test_a_slice_that_another_process_has_done_meanwhile_counts_once(rig: RegistryRig) -> None:
    rig.submits(_near(2), _near(4), rig.pdq())
    rig.batch()
    guard = rig.registry.services.guard
    guard.add([MEME])
    guard.recheck.step()
    other = rig.another_process()
    searching = other.services.guard.recheck._index  # the moment between reading a slice and noting it

    def overtaken(*arguments: object) -> object:
        guard.recheck.step()
        return searching(*arguments)  # type: ignore[arg-type]

    other.services.guard.recheck._index = overtaken  # type: ignore[assignment, method-assign]
    other.services.guard.recheck.step()
    other.close()
    done = guard.recheck.progress()
    assert done is not None
    assert (done.is_running, done.checked, done.held_back) == (False, 3, 2)


def test_a_line_that_is_taken_off_again_holds_nothing_back(rig: RegistryRig) -> None:
    rig.submits(_near(6), rig.pdq(), rig.pdq())
    rig.batch()
    guard = rig.registry.services.guard
    (line,) = guard.add([MEME])
    guard.recheck.step()
    guard.remove(line.guard_id)
    _compare_all(rig)
    assert len(rig.listed(Algorithm.PDQ)) == 3
    done = guard.recheck.progress()
    assert done is not None
    assert (done.is_running, done.checked, done.held_back) == (False, 3, 0)


def test_a_line_that_comes_while_it_runs_is_compared_with_everything_as_well(rig: RegistryRig) -> None:
    first, second = rig.md5(), rig.md5()
    rig.submits(first, second, rig.md5())
    rig.batch()
    guard = rig.registry.services.guard
    guard.add([first])
    guard.recheck.step()
    guard.recheck.step(2)
    guard.add([second])
    _compare_all(rig)
    assert len(rig.listed(Algorithm.MD5)) == 1
    assert len(guard.waiting()) == 2
