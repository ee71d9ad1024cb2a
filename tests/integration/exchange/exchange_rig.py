"""A live registry, and the industry's own client (``threatexchange``) against it."""

import secrets
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from tests.registry_rig import RegistryRig

from takeback.clock import ManualClock
from takeback.db import writing
from takeback.exchange.partners import IssuedKey
from takeback.exchange.types import Credentials
from takeback.hashing import fingerprints_of
from takeback.model.entry import Op
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.registry.batch_store import append_changes, insert_entries
from takeback.registry.change_log import extend_log
from takeback.registry.publication import publish
from takeback.registry.store import list_state
from takeback.registry.types import Entry

with warnings.catch_warnings():
    # It warns of a bit order of long ago when it is imported.
    warnings.simplefilter("ignore")
    from threatexchange.exchanges.clients.ncmec.hash_api import NCMECHashAPI
    from threatexchange.exchanges.clients.stopncii.api import StopNCIIAPI, StopNCIIEndpoint
    from threatexchange.exchanges.collab_config import CollaborationConfigBase
    from threatexchange.exchanges.impl.ncmec_api import NCMECCollabConfig, NCMECSignalExchangeAPI
    from threatexchange.exchanges.impl.stop_ncii_api import StopNCIISignalExchangeAPI


@dataclass(slots=True)
class RunningClock(ManualClock):
    """A clock that a test moves by hand until it lets it run, ``behind_s`` behind the machine's."""

    behind_s: int | None = None

    def now_s(self) -> int:
        return self.at_s if self.behind_s is None else int(time.time()) - self.behind_s

    def advance(self, seconds: int) -> None:
        if self.behind_s is None:
            self.at_s += seconds
        else:
            self.behind_s -= seconds


@dataclass
class Exchange:
    """A registry that answers at ``url``, and one partner of it."""

    rig: RegistryRig
    url: str
    partner: IssuedKey = field(init=False)

    def __post_init__(self) -> None:
        self.partner = self.rig.partner

    @property
    def clock(self) -> RunningClock:
        assert isinstance(self.rig.clock, RunningClock)
        return self.rig.clock

    @property
    def credentials(self) -> Credentials:
        return self.partner.key.credentials()

    def lists(self, *fingerprints: Fingerprint) -> tuple[bytes, ...]:
        """Submit and run the batch; the tokens that hold the entries."""
        tokens = self.rig.submits(*fingerprints).tokens
        self.rig.batch()
        return tokens

    def lists_many(self, count: int) -> None:
        """Put made-up PDQ values on the list by the batch's own last step, without a submission each."""
        entries = [Entry(secrets.token_bytes(16), Algorithm.PDQ, secrets.token_bytes(32), 90) for _ in range(count)]
        now_s = self.clock.now_s()
        with writing(self.rig.registry.engine) as connection:
            state = list_state(connection, Algorithm.PDQ)
            insert_entries(connection, entries, now_s // 86_400)
            append_changes(connection, extend_log(state, [(Op.ADD, one) for one in entries], now_s // 86_400))
            publish(connection, now_s)

    def withdraws(self, *tokens: bytes) -> None:
        self.rig.withdraws(*tokens)
        self.rig.batch()

    def live_clock(self, behind_s: int = 0) -> None:
        """Let the registry's clock run with the machine's, which the real client goes by."""
        self.clock.behind_s = behind_s

    def wait_until_published(self) -> None:
        """Until what has been published is older than the five seconds that the real client stays behind."""
        published_s = self.clock.now_s() + 6
        while time.time() - 5 < published_s + 1:
            time.sleep(0.2)

    def ncmec(self, password: str | None = None) -> NCMECHashAPI:
        credentials = self.credentials
        environment: Any = SimpleNamespace(value=f"{self.url}/ncmec")
        return NCMECHashAPI(credentials.user, password or credentials.password, environment)

    def ncmec_exchange(self) -> NCMECSignalExchangeAPI:
        environment: Any = SimpleNamespace(value=f"{self.url}/ncmec")
        collab = NCMECCollabConfig(environment=environment, name="takeback")
        return NCMECSignalExchangeAPI(collab, self.credentials.user, self.credentials.password)

    def stopncii(self, function_key: str | None = None, subscription_key: str | None = None) -> StopNCIIAPI:
        ours = self.credentials
        key = function_key or ours.function_key
        return StopNCIIAPI(
            subscription_key or ours.subscription_key,
            key,
            dict.fromkeys(StopNCIIEndpoint, key),
            base_url_override=f"{self.url}/stopncii/v1",
        )

    def stopncii_exchange(self) -> StopNCIISignalExchangeAPI:
        collab = CollaborationConfigBase("takeback", "stop_ncii", enabled=True)
        return StopNCIISignalExchangeAPI(collab, self.stopncii())


def pdq_of(picture: Path) -> Fingerprint:
    """The fingerprint our own kit makes of a picture."""
    found = fingerprints_of(picture.read_bytes()).fingerprints
    return next(one for one in found if one.algorithm is Algorithm.PDQ)


def refused(action: Callable[[], object]) -> requests.Response:
    """The answer that made the real client give up."""
    with pytest.raises(requests.HTTPError) as refusal:
        action()
    assert refusal.value.response is not None
    return refusal.value.response
