"""Whatever is sent to the registry, it answers as its OpenAPI description says, and never fails."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from takeback.httpkit.serve import Server

if TYPE_CHECKING:
    from tests.registry_rig import RegistryRig

OPERATIONS = {
    "GET /healthz",
    "GET /readyz",
    "POST /v1/cases",
    "POST /v1/challenges",
    "POST /v1/cases/open",
    "POST /v1/holds/status",
    "POST /v1/holds/withdraw",
    "POST /v1/holds/keep",
    "POST /v1/holds/renew",
    "GET /v1/terms",
    "GET /feed/v1/keys",
    "GET /feed/v1/{name}/head",
    "GET /feed/v1/{name}/changes",
    "GET /feed/v1/{name}/point",
    "GET /feed/v1/{name}/snapshot",
    "GET /feed/v1/{name}/snapshot/{digest}",
    "GET /feed/v1/wait",
    "POST /feedback/v1",
    "GET /ncmec/v2/status",
    "GET /ncmec/v2/members",
    "GET /ncmec/v2/entries",
    "GET /ncmec/v2/feedback/{kind}/reasons",
    "PUT /ncmec/v2/entries/{member}/{entry_id}/{kind}/feedback",
    "GET /stopncii/v1/FetchHashes",
    "POST /stopncii/v1/SubmitFeedback",
    "POST /stopncii/v1/SubmitHashes",
    "POST /match/v1/query",
}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_every_operation_answers_as_described(rig: RegistryRig) -> None:
    described = schemathesis.openapi.from_dict(rig.registry.app.openapi())
    operations = [result.ok() for result in described.get_all_operations() if isinstance(result, Ok)]
    operations = [operation for operation in operations if not operation.path.startswith("/operator/")]
    assert {f"{operation.method.upper()} {operation.path}" for operation in operations} == OPERATIONS
    answers: set[tuple[str, int]] = set()
    with Server(rig.registry.app) as server:
        for operation in operations:
            positive = operation.as_strategy()
            negative = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)

            @settings(
                max_examples=15,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=positive | negative)
            def answers_as_described(case: schemathesis.Case[Any]) -> None:
                headers = _credentials(rig, case.operation.path)
                reply = case.call_and_validate(base_url=server.url, headers=headers, checks=CHECKS)
                answers.add((case.operation.path, reply.status_code))

            answers_as_described()
    # Both sides were reached. (A whole submission needs a sealed case of an exact length, which a schema cannot say.)
    assert {
        ("/v1/holds/withdraw", 202),
        ("/v1/cases", 422),
        ("/feed/v1/{name}/head", 404),
        ("/ncmec/v2/entries", 200),
        ("/stopncii/v1/FetchHashes", 200),
    } <= answers


def _credentials(rig: RegistryRig, path: str) -> dict[str, str]:
    credentials = rig.partner.key.credentials()
    if path.startswith("/ncmec/"):
        pair = base64.b64encode(f"{credentials.user}:{credentials.password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    if path.startswith("/stopncii/"):
        return {
            "x-functions-key": credentials.function_key,
            "Ocp-Apim-Subscription-Key": credentials.subscription_key,
        }
    return {"Authorization": f"Bearer {rig.partner.key.text()}"}
