"""The SDK as a platform's engineer meets it: the examples, a proxy, and an installation without the server's parts."""

import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import httpx
import pytest
from tests.registry_rig import RegistryRig

from takeback.client.feed import FeedClient
from takeback.client.list_store import ListStore
from takeback.client.partner_key import parse_partner_key
from takeback.clock import SystemClock
from takeback.httpkit.serve import Server
from takeback.model.fingerprint import Algorithm

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
BLOCKED = (
    "fastapi",
    "starlette",
    "uvicorn",
    "sqlalchemy",
    "alembic",
    "structlog",
    "PIL",
    "numpy",
    "numba",
    "av",
    "argon2",
)

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


def test_it_imports_where_nothing_of_the_server_is_installed(rig: RegistryRig, url: str, tmp_path: Path) -> None:
    program = f"""
import sys
for name in {BLOCKED!r}:
    sys.modules[name] = None
sys.argv = ["sync.py", {url!r}, {rig.partner.key.text()!r}, {str(tmp_path / "list")!r}]
exec(compile(open({str(EXAMPLES / "sync.py")!r}).read(), "sync.py", "exec"))
import takeback.client.async_feed, takeback.client.feedback
"""
    assert "md5: 2 entries at 2" in _run("-c", program)


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
