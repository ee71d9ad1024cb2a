"""An operator at the console of a registry in hand: signs in as people do, over the real application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pyotp

from takeback.console.types import Operator, Role
from takeback.httpkit.serve import Server

if TYPE_CHECKING:
    from tests.registry_rig import RegistryRig

PASSWORD = "a quiet morning in March"  # made up


@dataclass(slots=True)
class Desk:
    """A browser's tab at the console: a cookie jar and an address."""

    rig: RegistryRig
    http: httpx.Client
    operator: Operator
    secret: str = ""

    def call(self, method: str, path: str, body: object = None, status: int = 200) -> Any:  # noqa: ANN401 - JSON
        """Ask, expect a status, and give what came."""
        reply = self.http.request(method, f"/operator/v1{path}", json=body)
        assert reply.status_code == status, (path, reply.status_code, reply.text)
        return reply.json() if reply.content else None

    def code_of_now(self) -> str:
        return pyotp.TOTP(self.secret).at(self.rig.clock.now_s())

    def sign_in(self, status: int = 204, **other: str) -> Any:  # noqa: ANN401 - JSON
        body = {"name": self.operator.name, "password": PASSWORD, "code": self.code_of_now(), **other}
        return self.call("POST", "/session/password", body, status)

    def sign_out(self) -> None:
        self.call("DELETE", "/session", status=204)


def open_desk(rig: RegistryRig, server: Server, name: str = "robin", role: Role = Role.OPERATOR) -> Desk:
    """A new operator who has chosen a password and is signed in."""
    enrolment = rig.registry.services.console.operators.add(name, role)
    desk = Desk(rig, httpx.Client(base_url=server.url, timeout=30), enrolment.operator)
    offered = desk.call("POST", "/enrolment", {"code": enrolment.code})
    desk.secret = offered["secret"]
    body = {"code": enrolment.code, "password": PASSWORD, "totp": desk.code_of_now()}
    desk.call("POST", "/enrolment/password", body, 204)
    rig.clock.advance(60)
    return desk
