"""A kit in a process of its own, as an operator runs it, to be stopped or killed."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from tests.integration.platform.kit_fixture import wait_for


def kit_environment(folder: Path, registry_url: str, key: str, **settings: str) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("TAKEBACK_")},
        "TAKEBACK_DATA_DIR": str(folder),
        "TAKEBACK_REGISTRY": registry_url,
        "TAKEBACK_KEY": key,
        "TAKEBACK_PORT": "0",
        "TAKEBACK_SYNC_INTERVAL_S": "0.1",
        **{f"TAKEBACK_{name.upper()}": value for name, value in settings.items()},
    }


@dataclass
class KitProcess:
    """The kit as an operator runs it."""

    environment: dict[str, str]
    folder: Path
    errors: list[str] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None
    url: str = ""

    def start(self) -> None:
        command = [sys.executable, "-m", "takeback.apps.platform"]
        self.process = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=self._log(), text=True
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url, self.log()
        wait_for(lambda: httpx.get(f"{self.url}/readyz").status_code == 200)

    def _log(self) -> int:
        return os.open(self.folder.parent / "kit.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def log(self) -> str:
        return (self.folder.parent / "kit.log").read_text()

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.send_signal(number)
        code = self.process.wait(30)
        self.process.stdout.close()
        self.process = None
        return code

    def check(self, content_id: str, data: bytes) -> dict[str, object]:
        headers = {"Authorization": f"Bearer {(self.folder / 'api-token').read_text().strip()}"}
        url = f"{self.url}/v1/check?content_id={content_id}"
        reply = httpx.post(url, content=data, headers=headers, timeout=30)
        answer: dict[str, object] = reply.raise_for_status().json()
        return answer

    def reviewer(self) -> httpx.Client:
        browser = httpx.Client(base_url=self.url, timeout=30)
        code = (self.folder / "review-code").read_text().strip()
        browser.post("/v1/session", json={"code": code, "reviewer": "robin"}).raise_for_status()
        return browser

    def counts(self) -> dict[str, int]:
        return {one["list"]: one["count"] for one in httpx.get(f"{self.url}/readyz").json()["lists"]}
