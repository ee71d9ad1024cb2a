"""Whatever an operator's browser, or anybody else, sends to the console: it answers as described, and never fails."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Any

import httpx
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
from tests.console_rig import open_desk

from takeback.httpkit.serve import Server

if TYPE_CHECKING:
    from tests.registry_rig import RegistryRig

OPERATIONS = {
    "GET /operator/v1/session",
    "DELETE /operator/v1/session",
    "POST /operator/v1/session/passkey/challenge",
    "POST /operator/v1/session/passkey",
    "POST /operator/v1/session/password",
    "POST /operator/v1/enrolment",
    "POST /operator/v1/enrolment/password",
    "POST /operator/v1/enrolment/passkey",
    "POST /operator/v1/passkeys/challenge",
    "POST /operator/v1/passkeys",
    "GET /operator/v1/overview",
    "GET /operator/v1/audit",
    "POST /operator/v1/audit/check",
    "GET /operator/v1/partners",
    "POST /operator/v1/partners",
    "POST /operator/v1/partners/{partner_id}/key",
    "POST /operator/v1/partners/{partner_id}/confirm",
    "PUT /operator/v1/partners/{partner_id}/lists",
    "PUT /operator/v1/partners/{partner_id}/terms",
    "GET /operator/v1/partners/statistics",
    "DELETE /operator/v1/partners/{partner_id}",
    "GET /operator/v1/offers",
    "POST /operator/v1/offers/{offer_id}/take",
    "POST /operator/v1/offers/{offer_id}/refuse",
    "POST /operator/v1/offers/{offer_id}/withdraw",
    "GET /operator/v1/quarantine",
    "POST /operator/v1/quarantine/{entry_id}/take-off",
    "POST /operator/v1/quarantine/{entry_id}/restore",
    "POST /operator/v1/quarantine/{entry_id}/remove",
    "GET /operator/v1/guard",
    "POST /operator/v1/guard",
    "DELETE /operator/v1/guard/{guard_id}",
    "POST /operator/v1/guard/waiting/{entry_id}/admit",
    "POST /operator/v1/guard/waiting/{entry_id}/reject",
    "GET /operator/v1/operators",
    "POST /operator/v1/operators",
    "POST /operator/v1/operators/{operator_id}/code",
    "PUT /operator/v1/operators/{operator_id}/role",
    "DELETE /operator/v1/operators/{operator_id}",
}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
_SIGN_OUT = "DELETE /operator/v1/session"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_every_operation_of_the_console_answers_as_described(rig: RegistryRig) -> None:
    described = schemathesis.openapi.from_dict(rig.registry.app.openapi())
    found = [result.ok() for result in described.get_all_operations() if isinstance(result, Ok)]
    named = {f"{operation.method.upper()} {operation.path}": operation for operation in found}
    named = {name: operation for name, operation in named.items() if "/operator/" in name}
    assert set(named) == OPERATIONS
    answers: set[tuple[str, int]] = set()
    with Server(rig.registry.app) as server:
        # A passkey needs a name, not an address.
        url = server.url.replace("127.0.0.1", "localhost")
        desk = open_desk(rig, server)
        cookie = "; ".join(f"{name}={value}" for name, value in desk.http.cookies.items())
        # Signing out comes last: what is asked after it is answered with 401 and nothing else.
        for operation in sorted(named.values(), key=lambda item: f"{item.method.upper()} {item.path}" == _SIGN_OUT):
            positive = operation.as_strategy()
            negative = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)

            @settings(
                max_examples=10,
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=positive | negative)
            def answers_as_described(case: schemathesis.Case[Any]) -> None:
                reply = case.call_and_validate(base_url=url, headers={"Cookie": cookie}, checks=CHECKS)
                answers.add((case.operation.path, reply.status_code))

            answers_as_described()
        desk.http.close()
    # Both sides were reached. (A passkey's answer is more than a schema can say.)
    assert {("/operator/v1/overview", 200), ("/operator/v1/enrolment", 404), ("/operator/v1/session", 204)} <= answers


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_no_route_of_the_console_takes_a_large_body_and_all_carry_the_headers(rig: RegistryRig) -> None:
    with Server(rig.registry.app) as server, httpx.Client(base_url=server.url) as client:
        for name in OPERATIONS:
            method, path = name.split(" ")
            place = path.replace("{partner_id}", "0" * 16).replace("{operator_id}", "0" * 16)
            place = place.replace("{entry_id}", "0" * 32).replace("{guard_id}", "0" * 32)
            reply = client.request(method, place)
            policy = reply.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'"), name
            assert reply.headers["cache-control"] == "no-store", name
            if method in {"POST", "PUT"}:
                assert _status_before_the_body(server.url, method, place) == 413, name
        page = client.get("/operator/")
        assert "publickey-credentials-get=(self)" in page.headers["permissions-policy"]
        assert "publickey-credentials-get=()" in client.get("/").headers["permissions-policy"]


def _status_before_the_body(url: str, method: str, path: str) -> int:
    """Say that a gigabyte comes, send none of it, and wait for the answer."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        connection.putrequest(method, path)
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(10**9))
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()
