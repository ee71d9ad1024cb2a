"""The SDK as a platform's engineer meets it: the examples, a proxy, and an installation without the server's parts."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from threading import Thread
from typing import ClassVar

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.registry_rig import RegistryRig

from takeback.client.feed import FeedClient
from takeback.client.list_store import ListStore
from takeback.client.partner_key import parse_partner_key
from takeback.clock import SystemClock
from takeback.httpkit.serve import Server
from takeback.model.fingerprint import Algorithm

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
PYPROJECT = Path(__file__).resolve().parents[3] / "pyproject.toml"

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
def url(rig: RegistryRig) -> Iterator[str]:
    rig.clock.at_s = SystemClock().now_s()
    rig.submits(rig.md5(), rig.md5())
    rig.batch()
    with Server(rig.registry.app) as server:
        yield server.url


def _run(*command: str) -> str:
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_examples_do_what_they_say(rig: RegistryRig, url: str, tmp_path: Path) -> None:
    key, folder = rig.partner.key.text(), str(tmp_path / "list")
    assert "md5: 2 entries at 2" in _run(str(EXAMPLES / "sync.py"), url, key, folder)
    assert _run(str(EXAMPLES / "feedback.py"), url, key, folder, "md5") == "2 accepted\n"
    command = [sys.executable, str(EXAMPLES / "follow.py"), url, key, str(tmp_path / "other")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        lines = {following.stdout.readline() for _ in Algorithm}
        assert "md5: +2 -0\n" in lines
        following.kill()


def _installed_by(extra: str) -> set[str]:
    """Top-level modules that an installation of this extra alone has, by what is installed here says of itself."""
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    waiting = [Requirement(text) for text in (*project["dependencies"], *project["optional-dependencies"][extra])]
    names: set[str] = set()
    while waiting:
        needed = waiting.pop()
        name = canonicalize_name(needed.name)
        if name in names or (needed.marker is not None and not needed.marker.evaluate({"extra": ""})):
            continue
        names.add(name)
        waiting += [Requirement(text) for text in metadata.requires(name) or ()]
    by_module = metadata.packages_distributions()
    return {module for module, owners in by_module.items() if {canonicalize_name(one) for one in owners} & names}


def test_the_extra_client_alone_is_enough(rig: RegistryRig, url: str, tmp_path: Path) -> None:
    """As in a fresh environment after ``pip install 'takeback[client]'``: any other module is not there."""
    there = _installed_by("client") | {"takeback"}
    assert {"httpx", "cryptography", "pydantic"} <= there
    assert not there & {"fastapi", "starlette", "sqlalchemy", "numpy", "PIL", "altcha", "argon2"}
    program = f"""
import sys
class OnlyThese:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in {sorted(there)!r} or top in sys.stdlib_module_names or top.startswith("_"):
            return None
        raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, OnlyThese())
import runpy
for arguments in (["sync.py"], ["feedback.py", "md5"]):
    sys.argv = [arguments[0], {url!r}, {rig.partner.key.text()!r}, {str(tmp_path / "list")!r}, *arguments[1:]]
    runpy.run_path({str(EXAMPLES)!r} + "/" + arguments[0])
import takeback.client.async_feed
from takeback.cli.main import main
where = ["--registry", {url!r}, "--key", {rig.partner.key.text()!r}, "--store", {str(tmp_path / "b")!r}]
assert main(["sync", *where]) == 0
assert main(["hash", "x.png"]) == 3
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "md5: 2 entries at 2" in done.stdout
    assert "pip install 'takeback[hash]'" in done.stderr


class _Proxy(BaseHTTPRequestHandler):
    """A forward proxy for plain HTTP, as small as one can be."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in {"host", "connection"}}
        reply = httpx.get(self.path, headers=headers, trust_env=False)
        self.send_response(reply.status_code)
        self.send_header("Content-Length", str(len(reply.content)))
        self.end_headers()
        self.wfile.write(reply.content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


def test_it_goes_through_the_proxy_the_environment_names(
    rig: RegistryRig, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _Proxy.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.server_address[1]}")
    try:
        key = parse_partner_key(rig.partner.key.text())
        with ListStore(tmp_path) as store, FeedClient.at(url, key, store, rig.clock) as client:
            assert client.sync_list(Algorithm.MD5).count == 2
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert any("/feed/v1/md5/changes" in path for path in _Proxy.asked)
