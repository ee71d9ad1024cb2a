"""Everything the registry may say to the console has words on its page."""

import json
from pathlib import Path

from takeback.console.overview import HealthState
from takeback.exchange.types import AuditedAct, Scope
from takeback.model.case import About
from takeback.model.lead import FeedbackValue
from takeback.registry.set_aside import Cause

WORDS = json.loads((Path(__file__).parents[3] / "web/src/locales/en.json").read_text())["operator"]


def test_every_act_cause_class_and_state_has_a_sentence() -> None:
    assert {act.value for act in AuditedAct} <= set(WORDS["audit"]["acts"])
    assert {cause.value for cause in Cause} == set(WORDS["quarantine"]["causes"])
    assert {one.value for one in (*About, *FeedbackValue)} <= set(WORDS["overview"]["figures"])
    assert {state.value for state in HealthState} == set(WORDS["overview"]["states"])
    assert {scope.value for scope in Scope} <= set(WORDS["partners"]["scopes"])
