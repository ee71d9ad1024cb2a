import gzip
import io
import json
import logging
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from takeback.errors import InvalidInputError, UnavailableError
from takeback.httpkit import pages
from takeback.httpkit.application import bare_app
from takeback.httpkit.headers import SecurityHeaders
from takeback.httpkit.logs import ALLOWED_FIELDS, LibraryNotices, open_log
from takeback.httpkit.problem import install_problem_handlers
from takeback.httpkit.serve import Server, run

SERVES = """
from takeback.httpkit.application import bare_app
from takeback.httpkit.serve import run
app = bare_app("child")
app.get("/healthz")(lambda: "ok")
run(app, "127.0.0.1", 0, on_ready=lambda url: print(url, flush=True))
print("closed in order", flush=True)
"""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_in_order(ending: signal.Signals) -> None:
    child = subprocess.Popen([sys.executable, "-c", SERVES], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        assert httpx.get(f"{url}/healthz").json() == "ok"
        child.send_signal(ending)
        out, err = child.communicate(timeout=20)
    finally:
        child.kill()
    assert child.returncode == 0
    assert out == "closed in order\n"
    assert [json.loads(line)["event"] for line in err.splitlines()] == ["server.ready", "server.stopped"]


def test_a_port_that_is_taken_is_said_with_what_to_do() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UnavailableError, match=f"Port {port} .* --port") as caught:
            run(bare_app("late"), "127.0.0.1", port, open_log(io.StringIO()))
        assert caught.value.code == "serve.port_taken"
        with pytest.raises(UnavailableError, match="--port"):
            Server(bare_app("late"), port=port)


def test_an_address_that_is_not_ours_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="--host") as caught:
        Server(bare_app("elsewhere"), host="192.0.2.1")
    assert caught.value.code == "serve.address"


def test_two_servers_run_side_by_side_and_free_their_ports() -> None:
    with Server(bare_app("one")) as one, Server(bare_app("two")) as two:
        assert one.url != two.url
        assert httpx.get(one.url).status_code == httpx.get(two.url).status_code == 404
    with pytest.raises(httpx.ConnectError):
        httpx.get(one.url)
    with Server(bare_app("again"), port=int(one.url.rsplit(":", 1)[1])) as again:
        assert httpx.get(again.url).status_code == 404


def test_a_log_keeps_only_the_fields_on_the_list() -> None:
    stream = io.StringIO()
    open_log(stream).error("something.happened", code="a.code", address="192.0.2.7", user_agent="Browser/1", value="ab")
    written = json.loads(stream.getvalue())
    assert set(written) <= ALLOWED_FIELDS
    assert written["dropped_fields"] == 3
    assert "192.0.2.7" not in stream.getvalue()


def test_library_warnings_arrive_without_their_arguments() -> None:
    stream = io.StringIO()
    library = logging.getLogger("a.library")
    library.addHandler(LibraryNotices(open_log(stream)))
    assembled = " ".join(["peer", "192.0.2.7", "again"])
    library.warning("peer %s did something", "192.0.2.7")
    library.warning(assembled)
    library.info("chatter")
    try:
        int("192.0.2.7")
    except ValueError:
        library.exception("failed")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert "192.0.2.7" not in stream.getvalue()
    assert lines[0]["detail"] == "peer %s did something"
    assert [line.get("error") for line in lines] == [None, None, "ValueError"]


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pages, "_folder_of", lambda page: tmp_path / "_web" / page)
    return tmp_path / "_web" / "submit"


def test_a_built_page_is_served_with_its_assets_and_nothing_beside_them(web: Path) -> None:
    (web / "assets").mkdir(parents=True)
    (web / "index.html").write_text("<!doctype html><title>page</title>", encoding="utf-8")
    (web / "assets" / "main-1a2b.js").write_text("export {}", encoding="utf-8")
    (web / "secret.txt").write_text("not served", encoding="utf-8")
    app = bare_app("with a page")
    install_problem_handlers(app)
    pages.mount_page(app, "submit")
    app.add_middleware(SecurityHeaders)
    with Server(app) as server:
        index = httpx.get(server.url)
        assert index.headers["content-type"] == "text/html; charset=utf-8"
        assert index.headers["cache-control"] == "no-store"
        asset = httpx.get(f"{server.url}/assets/main-1a2b.js")
        assert asset.headers["cache-control"] == "no-store"
        assert asset.headers["content-type"].startswith("text/javascript")
        for path in ("secret.txt", "assets/../secret.txt", "assets/%2e%2e/secret.txt", "assets/missing.js"):
            missing = httpx.get(f"{server.url}/{path}")
            assert missing.status_code == 404
            assert missing.headers["cache-control"] == "no-store"


def test_a_packed_form_is_sent_to_whoever_takes_it(web: Path) -> None:
    (web / "assets").mkdir(parents=True)
    for file in (web / "index.html", web / "assets" / "main-1a2b.js"):
        file.write_bytes(b"as it is")
        file.with_name(file.name + ".gz").write_bytes(gzip.compress(b"as it is"))
        file.with_name(file.name + ".br").write_bytes(b"brotli")
    (web / "assets" / "plain.css").write_bytes(b"not packed")
    app = bare_app("with a packed page")
    pages.mount_page(app, "submit")
    with Server(app) as server, httpx.Client(base_url=server.url) as http:
        for path, kind in (("/", "text/html"), ("/assets/main-1a2b.js", "text/javascript")):
            for accepted, coding in (
                ("gzip, deflate, br", "br"),
                ("gzip, br;q=0", "gzip"),
                ("*", "br"),
                ("identity", None),
                ("br;q=0.0, gzip;q=0", None),
                ("brotli, xgzip", None),
            ):
                with http.stream("GET", path, headers={"Accept-Encoding": accepted}) as reply:
                    raw = b"".join(reply.iter_raw())
                assert reply.headers.get("content-encoding") == coding, accepted
                assert reply.headers["vary"] == "accept-encoding"
                assert reply.headers["content-type"].startswith(kind)
                assert len(raw) == int(reply.headers["content-length"])
                assert raw == {"br": b"brotli", None: b"as it is"}.get(coding, raw)
                assert coding != "gzip" or gzip.decompress(raw) == b"as it is"
        assert http.get("/assets/plain.css").text == "not packed"


def test_a_page_that_is_not_built_says_how_to_build_it(web: Path) -> None:
    app = bare_app("without a page")
    install_problem_handlers(app, open_log(io.StringIO()))
    pages.mount_page(app, "submit")
    with Server(app) as server:
        reply = httpx.get(server.url)
    assert not web.exists()
    assert (reply.status_code, reply.json()["code"]) == (503, "page.not_built")
    assert "make web" in reply.json()["detail"]
