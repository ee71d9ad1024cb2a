"""Match-as-a-service: fingerprints in, a tier out, and a line in the audit log."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image, ImageEnhance
from tests.integration.exchange.exchange_rig import pdq_of
from tests.registry_rig import RegistryRig

from takeback.apps.list_matcher import RegistryMatcher
from takeback.apps.registry import Registry, build_registry
from takeback.db import reading
from takeback.exchange import store
from takeback.exchange.partners import IssuedKey, Terms
from takeback.exchange.types import AuditedAct, Scope
from takeback.hashing import query_fingerprints_of
from takeback.httpkit.serve import Server
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.video import Video, VideoFrame, video_value
from takeback.registry.decoy_key import open_decoys
from takeback.settings import RegistrySettings

ASKING = Terms(scopes=[Scope.MATCH])


@dataclass
class Service:
    rig: RegistryRig
    registry: Registry
    url: str
    partner: IssuedKey

    def ask(self, *fingerprints: Fingerprint, key: str | None = None) -> httpx.Response:
        asked = [
            {"algorithm": one.algorithm.value, "value": one.value}
            | ({} if one.quality is None else {"quality": one.quality})
            for one in fingerprints
        ]
        return httpx.post(
            f"{self.url}/match/v1/query",
            json={"fingerprints": asked},
            headers={"Authorization": f"Bearer {key or self.partner.key.text()}"},
        )

    def answer(self, *fingerprints: Fingerprint) -> dict[str, Any]:
        reply = self.ask(*fingerprints)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())


@pytest.fixture
def service(rig: RegistryRig) -> Iterator[Service]:
    """A process with the engine, over the same database as the rig's without."""
    settings = RegistrySettings(data_dir=rig.folder, database_url=rig.url)
    registry = build_registry(settings, rig.clock, open_matcher=RegistryMatcher)
    partner = rig.registry.services.partners.add("Small site", tuple(Algorithm), terms=ASKING)
    with Server(registry.app) as server:
        yield Service(rig, registry, server.url, partner)
    registry.close()


def test_a_picture_is_found_from_its_batch_on_until_it_is_withdrawn(
    service: Service, pictures: dict[str, Path], tmp_path: Path
) -> None:
    rig = service.rig
    darker = tmp_path / "darker.jpg"
    ImageEnhance.Brightness(Image.open(pictures["chelsea"])).enhance(0.8).save(darker, quality=80)
    asked = query_fingerprints_of(darker.read_bytes()).fingerprints
    assert service.answer(*asked)["tier"] == "clear"
    person = rig.submits(pdq_of(pictures["chelsea"]), rig.pdq())
    assert service.answer(*asked)["matches"] == []
    rig.batch()
    listed = {change.value: entry for entry, change in rig.listed(Algorithm.PDQ).items()}
    entry = listed[pdq_of(pictures["chelsea"]).value]
    answer = service.answer(*asked)
    (match,) = answer["matches"]
    assert (answer["tier"], match["entry"], match["list"], match["tier"]) == ("hold", entry, "pdq", "hold")
    assert {"list": "pdq", "seq": 2} in answer["lists"]
    assert service.answer(*query_fingerprints_of(pictures["rocket"].read_bytes()).fingerprints)["tier"] == "clear"
    rig.withdraws(person.tokens[0])
    rig.batch()
    assert service.answer(*asked)["tier"] == "clear"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_another_partners_canary_is_not_found(service: Service) -> None:
    rig, me = service.rig, service.rig.partner.partner
    rig.restart(canaries=44)
    rig.registry.services.partners.change(me.partner_id, Terms(scopes=[*Scope]))
    mine: list[str] = []
    while not mine:
        rig.submits(rig.pdq(), rig.pdq())
        rig.batch()
        key = open_decoys(rig.folder / "keys").of_partner(me.partner_id)
        told = [change.value or "" for change in rig.changes(Algorithm.PDQ)]
        mine = [value for value in told if key.is_decoy(bytes.fromhex(value))]
    asked = Fingerprint(Algorithm.PDQ, mine[0], 90)
    assert service.answer(asked) == {**service.answer(rig.pdq()), "tier": "clear", "matches": []}
    reply = service.ask(asked, key=rig.partner.key.text()).json()
    assert (reply["tier"], [match["distance"] for match in reply["matches"]]) == ("hold", [0])


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_every_question_is_a_line_and_nothing_else_is_kept(service: Service) -> None:
    rig = service.rig
    value = rig.pdq()
    service.answer(value, rig.md5(), rig.md5())
    with reading(rig.registry.engine) as connection:
        lines = [record for _, record in store.audit_page(connection, None, 9) if record.what is AuditedAct.MATCH]
    assert {(line.list, line.first_seq, line.actor_id) for line in lines} == {
        (Algorithm.PDQ, 1, service.partner.partner.partner_id),
        (Algorithm.MD5, 2, service.partner.partner.partner_id),
    }
    (counts,) = [one for one in rig.registry.services.statistics.all() if one.partner == service.partner.partner]
    assert (counts.questions, counts.pulls, counts.last_pull) == (2, 0, None)
    for file in rig.folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert bytes.fromhex(value.value) not in content
            assert value.value.encode() not in content
    assert value.value not in rig.log.getvalue()


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_question_about_pictures_is_answered_from_no_other_list(service: Service) -> None:
    """A platform of its own looks at a picture that is a frame of a listed video; a key may not be for that list."""
    picture = service.rig.pdq()
    frame = VideoFrame(bytes.fromhex(picture.value), 0, 100)
    video = Fingerprint(Algorithm.VPDQ, video_value(Video(5, (frame,))))
    service.rig.submits(video)
    service.rig.batch()
    assert service.answer(video)["tier"] == "hold"
    assert service.answer(picture)["matches"] == []


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_who_may_not_ask_is_told_why(service: Service) -> None:
    rig, partners = service.rig, service.rig.registry.services.partners

    def refusal(*fingerprints: Fingerprint, key: str | None = None) -> tuple[int, str]:
        reply = service.ask(*fingerprints, key=key)
        return reply.status_code, reply.json()["code"]

    assert refusal(rig.pdq(), key=rig.partner.key.text()) == (403, "partner.scope")
    assert refusal(rig.pdq(), key="tb1_no") == (401, "partner.unknown")
    partners.rescope(service.partner.partner.partner_id, [Algorithm.MD5])
    assert refusal(rig.md5(), rig.pdq()) == (403, "partner.not_entitled")
    assert refusal(rig.pdq(quality=10)) == (422, "fingerprint.quality")
    assert refusal(Fingerprint(Algorithm.MD5, "no")) == (422, "fingerprint.format")
    assert refusal() == (422, "request.invalid")
    assert refusal(*(rig.md5() for _ in range(129))) == (422, "request.invalid")


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_registry_without_the_engine_says_so(rig: RegistryRig) -> None:
    partner = rig.registry.services.partners.add("Small site", terms=ASKING)
    with Server(rig.registry.app) as server:
        reply = Service(rig, rig.registry, server.url, partner).ask(rig.md5())
    assert (reply.status_code, reply.json()["code"]) == (503, "match.unavailable")
