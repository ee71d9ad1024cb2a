"""The console in a real browser: passkey, password with an app, keys alone, both roles, no trace left."""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from takeback.apps.registry import Registry, build_registry
from takeback.clock import SystemClock
from takeback.console.types import Role
from takeback.httpkit.serve import Server
from takeback.model.case import HeldFingerprint, Submission
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.settings import RegistrySettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.chromium, pytest.mark.timeout(240)]

PASSWORD = "a quiet morning in March"  # made up
VIEWS = ("partners", "offers", "quarantine", "guard", "audit", "operators", "account", "overview")
CHANGING = (
    "add-partner",
    "scope",
    "terms",
    "rotate",
    "revoke",
    "take-off-open",
    "add-guard",
    "add-operator",
    "remove",
)
_WHAT_IS_KEPT = """async () => ({
    local: localStorage.length, session: sessionStorage.length, cookies: document.cookie,
    databases: (await indexedDB.databases()).length, workers: (await navigator.serviceWorker.getRegistrations()).length,
})"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    built = build_registry(
        RegistrySettings(data_dir=tmp_path_factory.mktemp("registry"), batch_min_cases=1), SystemClock()
    )
    built.services.partners.add("Photo Example")
    yield built
    built.close()


@pytest.fixture(scope="module")
def address(registry: Registry) -> Iterator[str]:
    with Server(registry.app) as server:
        # A passkey is for a name, not for an address.
        yield server.url.replace("127.0.0.1", "localhost") + "/operator/"


class Tab:
    """A tab at 360 px that fails if the page's policy was broken or anything else went wrong in it."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page: Page = context.new_page()
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.address = address
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda said: self.wrong.append(said.text) if "Content Security" in said.text else None)
        self.page.on("request", lambda request: self.asked.append(request.url))

    def open(self, code: str = "") -> None:
        self.page.goto(self.address + (f"#code={code}" if code else ""))

    def click(self, name: str) -> None:
        self.page.get_by_test_id(name).click()

    def fill(self, name: str, text: str) -> None:
        self.page.get_by_test_id(name).fill(text)

    def look(self, where: str) -> None:
        result = Axe().run(self.page).response
        assert len(result["passes"]) > 5, f"axe did not look at {where}"
        assert [(item["id"], item["nodes"][0]["target"]) for item in result["violations"]] == [], where
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{where} scrolls sideways"

    def assert_nothing_wrong(self) -> None:
        origin = self.address.removesuffix("operator/")
        assert self.wrong == []
        assert [url for url in self.asked if not url.startswith(origin)] == []
        kept = self.page.evaluate(_WHAT_IS_KEPT)
        assert kept == {"local": 0, "session": 0, "cookies": "", "databases": 0, "workers": 0}


@pytest.fixture
def tab(chromium: Browser, address: str) -> Iterator[Tab]:
    context = chromium.new_context(viewport={"width": 360, "height": 740})
    context.set_default_timeout(20_000)
    tab = Tab(context, address)
    yield tab
    tab.assert_nothing_wrong()
    context.close()


def _with_authenticator(page: Page) -> None:
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def _enrol_password(tab: Tab, registry: Registry, name: str, role: Role) -> str:
    """Through the link to the desk; gives the second factor's secret."""
    tab.open(registry.services.console.operators.add(name, role).code)
    tab.click("choose-password")
    secret = tab.page.get_by_test_id("secret").inner_text().replace(" ", "")
    tab.fill("password", PASSWORD)
    tab.fill("code", pyotp.TOTP(secret).now())
    tab.click("enrol")
    expect(tab.page.get_by_test_id("health")).to_be_visible()
    return secret


def test_a_passkey_from_the_link_to_the_next_sign_in(tab: Tab, registry: Registry) -> None:
    _with_authenticator(tab.page)
    code = registry.services.console.operators.add("kim", Role.OPERATOR).code
    tab.open(code)
    expect(tab.page.get_by_test_id("choose-passkey")).to_be_visible()
    assert code not in tab.page.url
    tab.look("choose")
    tab.click("choose-passkey")
    expect(tab.page.get_by_test_id("who")).to_have_text("kim")
    tab.click("sign-out")
    tab.look("sign in")
    tab.click("passkey")
    expect(tab.page.get_by_test_id("health")).to_be_visible()
    tab.open(code)
    expect(tab.page.get_by_test_id("problem")).to_be_visible()
    # Not the code, nor anything of it, was ever part of an address that was asked for.
    assert not any(code in url for url in tab.asked)


def test_a_password_and_an_app_and_every_view(tab: Tab, registry: Registry) -> None:
    tab.open(registry.services.console.operators.add("robin", Role.OPERATOR).code)
    tab.click("choose-password")
    tab.look("enrol")
    secret = tab.page.get_by_test_id("secret").inner_text().replace(" ", "")
    tab.fill("password", PASSWORD)
    tab.fill("code", pyotp.TOTP(secret).now())
    tab.click("enrol")
    expect(tab.page.get_by_test_id("role")).to_have_text("Operator")
    expect(tab.page.get_by_test_id("health")).to_be_visible()
    for view in VIEWS:
        tab.click(f"view-{view}")
        expect(tab.page.locator("h1")).to_be_focused()
        tab.page.wait_for_load_state("networkidle")
        tab.look(view)
    tab.click("sign-out")
    tab.fill("name", "robin")
    tab.fill("password", PASSWORD)
    # The next code: the one before is used up.
    tab.fill("code", pyotp.TOTP(secret).at(int(time.time()) + 30))
    tab.click("sign-in")
    expect(tab.page.get_by_test_id("health")).to_be_visible()


def _listed_entry(registry: Registry) -> str:
    held = HeldFingerprint(Fingerprint(Algorithm.SHA256, secrets.token_hex(32)), secrets.token_bytes(32))
    case = Submission(secrets.token_bytes(16), secrets.token_bytes(1024 + 28), (held,))
    registry.services.registry.submit(case).result()
    assert registry.batcher.run_once() is not None
    value = held.fingerprint.value
    partner = next(one for one in registry.services.partners.all() if one.name == "Photo Example")
    changes = registry.services.feed.changes(partner, "sha256", 0).changes
    return next(change.entry_id for change in changes if change.value == value)


def _quarantine_and_put_back(tab: Tab, registry: Registry) -> None:
    entry_id = _listed_entry(registry)
    tab.click("view-quarantine")
    tab.click("take-off-open")
    tab.fill("entry-id", entry_id)
    tab.click("take-off")
    waiting = tab.page.get_by_test_id("aside")
    expect(waiting).to_contain_text(entry_id)
    tab.look("an entry in quarantine")
    waiting.get_by_test_id("list-entry").click()
    tab.click("confirm")
    expect(waiting).to_have_count(0)
    assert registry.services.quarantine.list() == ()


def _decide_about_offers(tab: Tab, registry: Registry) -> None:
    clips = next(one for one in registry.services.partners.all() if one.name == "Clips")
    registry.services.offers.offer(clips, [Fingerprint(Algorithm.MD5, secrets.token_hex(16)) for _ in range(3)])
    tab.click("view-offers")
    group = tab.page.get_by_test_id("offer-group")
    expect(group).to_contain_text("3 fingerprints for Files (MD5)")
    group.locator("summary").click()
    tab.look("offers")
    group.get_by_test_id("one-take").first.click()
    tab.click("confirm")
    expect(group).to_contain_text("2 fingerprints")
    group.get_by_test_id("all-refuse").click()
    tab.click("confirm")
    expect(tab.page.get_by_test_id("no-offers")).to_be_visible()
    tab.click("offers-taken")
    expect(group).to_contain_text("1 fingerprint for")
    states = sorted(offer.state.value for offer in registry.services.offers.all())
    assert states == ["refused", "refused", "taken"]


def _change_terms(tab: Tab, card: Locator) -> None:
    card.get_by_test_id("terms").click()
    tab.page.get_by_test_id("ask").get_by_test_id("may-submit").check()
    tab.fill("per-minute", "1200")
    tab.fill("networks", "192.0.2.0/24\n2001:db8::/48")
    tab.look("terms")
    tab.click("confirm")
    expect(card.get_by_test_id("partner-rate")).to_have_text("1,200 requests a minute")
    expect(card.get_by_test_id("partner-scopes")).to_contain_text("offer fingerprints")
    card.get_by_test_id("partner-use").locator("summary").click()
    expect(card.get_by_test_id("partner-use")).to_contain_text("never yet")


def _guard_a_logo(tab: Tab, registry: Registry, folder: Path) -> None:
    value = "0123456789abcdef0123456789abcdef"
    lines = folder / "logos.jsonl"
    lines.write_text(json.dumps({"file": "logo.png", "fingerprints": [{"algorithm": "md5", "value": value}]}) + "\n")
    tab.click("view-guard")
    tab.click("add-guard")
    tab.page.get_by_test_id("guard-file").set_input_files(str(lines))
    tab.fill("guard-note", "logo of an airline")
    tab.click("save-guard")
    expect(tab.page.get_by_test_id("guard-lines")).to_contain_text("logo of an airline")
    assert value not in tab.page.content()
    while registry.services.guard.recheck.step():
        pass
    expect(tab.page.get_by_test_id("recheck")).to_contain_text("None was taken off its list.")
    tab.look("guard list")


def test_what_an_operator_does_to_partners_and_lists(tab: Tab, registry: Registry, tmp_path: Path) -> None:
    _enrol_password(tab, registry, "sam", Role.OPERATOR)
    tab.click("view-partners")
    tab.click("add-partner")
    tab.fill("partner-name", "Clips")
    tab.click("save-partner")
    key = tab.page.get_by_test_id("key").input_value()
    tab.look("key")
    assert registry.services.partners.recognise(key).name == "Clips"
    tab.click("key-kept")
    card = tab.page.get_by_test_id("partner").filter(has_text="Clips")
    card.get_by_test_id("scope").click()
    ask = tab.page.get_by_test_id("ask")
    ask.get_by_test_id("list-sha256").uncheck()
    tab.look("scope")
    tab.click("confirm")
    expect(card.get_by_test_id("partner-lists")).to_have_text("Pictures (PDQ), Files (MD5)")
    _change_terms(tab, card)
    _decide_about_offers(tab, registry)
    tab.click("view-partners")
    card.get_by_test_id("rotate").click()
    tab.fill("overlap", "0")
    tab.click("confirm")
    expect(tab.page.get_by_test_id("key")).not_to_have_value(key)
    tab.click("key-kept")
    card.get_by_test_id("revoke").click()
    tab.click("cancel")
    expect(card).to_be_visible()
    card.get_by_test_id("revoke").click()
    tab.click("confirm")
    expect(card).to_have_count(0)

    _guard_a_logo(tab, registry, tmp_path)
    _quarantine_and_put_back(tab, registry)
    tab.click("view-audit")
    expect(tab.page.get_by_test_id("audit")).to_contain_text("shut out Clips")
    tab.click("check-audit")
    expect(tab.page.get_by_test_id("chain")).to_contain_text("lines are whole")


def test_an_auditor_is_offered_nothing_to_change(tab: Tab, registry: Registry) -> None:
    _enrol_password(tab, registry, "alex", Role.AUDITOR)
    expect(tab.page.get_by_test_id("role")).to_have_text("Auditor")
    for view in VIEWS:
        tab.click(f"view-{view}")
        expect(tab.page.locator("h1")).to_be_focused()
        tab.page.wait_for_load_state("networkidle")
        changing = (
            "add-partner",
            "scope",
            "terms",
            "rotate",
            "revoke",
            "take-off-open",
            "add-guard",
            "add-operator",
            "remove",
        )
        for name in changing:
            expect(tab.page.get_by_test_id(name)).to_have_count(0)
    tab.click("view-partners")
    expect(tab.page.get_by_test_id("partner")).to_have_count(1)


def test_without_a_mouse(tab: Tab, registry: Registry) -> None:
    """From the link to a partner's key and out again, by Tab, Enter, Space and Escape alone."""
    keys = tab.page.keyboard
    tab.open(registry.services.console.operators.add("no mouse", Role.OPERATOR).code)

    def go_to(name: str) -> None:
        for _ in range(80):
            if tab.page.evaluate("document.activeElement?.dataset.testid ?? ''") == name:
                return
            keys.press("Tab")
        raise AssertionError(f"Tab never came to {name}")

    expect(tab.page.get_by_test_id("choose-password")).to_be_visible()
    go_to("choose-password")
    keys.press("Enter")
    secret = tab.page.get_by_test_id("secret").inner_text().replace(" ", "")
    go_to("password")
    keys.type(PASSWORD)
    go_to("code")
    keys.type(pyotp.TOTP(secret).now())
    keys.press("Enter")
    expect(tab.page.get_by_test_id("health")).to_be_visible()
    go_to("view-partners")
    keys.press("Enter")
    expect(tab.page.get_by_test_id("add-partner")).to_be_visible()
    go_to("add-partner")
    keys.press("Space")
    go_to("partner-name")
    keys.type("By keys alone")
    go_to("list-md5")
    keys.press("Space")
    go_to("save-partner")
    keys.press("Enter")
    expect(tab.page.get_by_test_id("key-dialog")).to_be_visible()
    keys.press("Escape")
    expect(tab.page.get_by_test_id("key-dialog")).to_have_count(0)
    made = next(one for one in registry.services.partners.all() if one.name == "By keys alone")
    registry.services.partners.revoke(made.partner_id)
    assert sorted(made.lists) == ["pdq", "sha256"]
    go_to("sign-out")
    keys.press("Enter")
    expect(tab.page.get_by_test_id("sign-in")).to_be_visible()
