"""The way of a submission to its reply is the same for new and for known fingerprints: statements, body, time.

The reply comes when the submission is in intake, and whether a value is listed is looked at by the batch, later. So the
statements are compared exactly, and the time only as a sanity check with a bound that no noise reaches.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from takeback.registry.types import Reception

if TYPE_CHECKING:
    from tests.registry_rig import RegistryRig

    from takeback.model.fingerprint import Fingerprint


class _Statements:
    def __init__(self, rig: RegistryRig) -> None:
        self.seen: list[str] = []
        event.listen(rig.registry.engine, "before_cursor_execute", self._note)

    def _note(self, _connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        self.seen.append(statement)

    def take(self) -> list[str]:
        seen, self.seen = self.seen, []
        return seen


def _submit(rig: RegistryRig, *fingerprints: Fingerprint) -> float:
    person = rig.person(*fingerprints)
    begin_s = time.perf_counter()
    assert rig.registry.services.registry.submit(person.submission).result() is Reception.TAKEN_IN
    return time.perf_counter() - begin_s


def test_known_and_new_fingerprints_take_the_same_statements(rig: RegistryRig) -> None:
    known = [rig.pdq(), rig.md5()]
    rig.submits(*known)
    rig.batch()
    statements = _Statements(rig)
    _submit(rig, *known)
    of_known = statements.take()
    _submit(rig, rig.pdq(), rig.md5())
    of_new = statements.take()
    assert of_known == of_new
    assert of_known
    # Nothing that is asked on the way to the reply is asked of the list.
    assert not [item for item in of_known if "entries" in item or "holds " in item.replace("intake_holds ", "")]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_known_and_new_fingerprints_take_about_as_long(rig: RegistryRig) -> None:
    known = [rig.md5() for _ in range(50)]
    rig.submits(*known)
    rig.batch()
    times: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(40):
        is_known = turn % 2 == 0
        times[is_known].append(_submit(rig, *(known if is_known else [rig.md5() for _ in range(50)])))
    medians = {is_known: statistics.median(values) for is_known, values in times.items()}
    assert 1 / 8 < medians[True] / medians[False] < 8
