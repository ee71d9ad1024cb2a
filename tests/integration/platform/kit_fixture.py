"""A whole kit on loopback, with a hand-made registry behind it and generated pictures to check."""

import io
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image, ImageFilter
from pydantic import SecretStr
from tests.unit.client.feed_fixture import DAY, HandMadeRegistry, entry_id, remove, served

from takeback.apps.platform import Platform, build_platform
from takeback.clock import ManualClock
from takeback.hashing import VideoLimits, fingerprints_of
from takeback.hashing.video.work import hash_to_register
from takeback.httpkit.logs import open_log
from takeback.httpkit.serve import Server
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm
from takeback.settings import PlatformSettings

PATIENCE_S = 20.0


def picture_of(seed: int, side_px: int = 384) -> Image.Image:
    """A picture with large shapes, so that PDQ says something about it."""
    noise = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((side_px, side_px), Image.Resampling.BICUBIC)


def jpeg_of(image: Image.Image, quality: int = 90, exif: bytes = b"") -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, exif=exif)
    return out.getvalue()


def edited(image: Image.Image) -> bytes:
    """Smaller and badly compressed."""
    return jpeg_of(image.resize((260, 260)), quality=40)


def looks_like(image: Image.Image) -> bytes:
    """Changed so much that it is near, and no copy."""
    return jpeg_of(Image.blend(image, picture_of(99).filter(ImageFilter.GaussianBlur(8)), 0.45))


def wait_for(look: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the look sees
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        if seen := look():
            return seen
        time.sleep(0.02)
    raise AssertionError(f"waited {PATIENCE_S:.0f} s")


@dataclass
class RunningKit:
    """A kit, its registry, and two callers: the platform's software and a reviewer's browser."""

    folder: Path
    registry: HandMadeRegistry
    clock: ManualClock
    platform: Platform
    url: str
    log: io.StringIO
    software: httpx.Client = field(init=False)
    browser: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        # Reading the certificates of a whole machine takes longer than most tests, and loopback needs none.
        no_certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        token = {"Authorization": f"Bearer {self.platform.keys.api_token}"}
        self.software = httpx.Client(base_url=self.url, headers=token, timeout=30, verify=no_certificates)
        self.browser = httpx.Client(base_url=self.url, timeout=30, verify=no_certificates)

    def list_picture(
        self,
        i: int,
        data: bytes,
        algorithms: tuple[Algorithm, ...] = tuple(Algorithm),
        *,
        edited_copies: bool = False,
    ) -> None:
        """Put a picture's fingerprints on the lists, entry ``i`` on each."""
        for one in fingerprints_of(data, edited_copies=edited_copies).fingerprints:
            if one.algorithm in algorithms:
                log = self.registry.logs.setdefault(one.algorithm, [])
                log.append(Change(one.algorithm, len(log) + 1, Op.ADD, entry_id(i), one.value, one.quality, DAY))
        self.wait_for_sync()

    def list_video(self, i: int, path: Path) -> None:
        """Put a video's fingerprints on the lists, entry ``i`` on each."""
        for one in hash_to_register(path, VideoLimits()).fingerprints:
            log = self.registry.logs.setdefault(one.algorithm, [])
            log.append(Change(one.algorithm, len(log) + 1, Op.ADD, entry_id(i), one.value, one.quality, DAY))
        self.wait_for_sync()

    def withdraw(self, i: int) -> None:
        for name, log in self.registry.logs.items():
            if any(change.entry_id == entry_id(i) for change in log):
                log.append(remove(len(log) + 1, i, name))
        self.wait_for_sync()

    def wait_for_sync(self) -> None:
        wanted = {name.value: len(self.registry.logs.get(name, [])) for name in Algorithm}

        def synced() -> bool:
            reply = self.browser.get("/readyz")
            return reply.status_code == 200 and {one["list"]: one["seq"] for one in reply.json()["lists"]} == wanted

        wait_for(synced)

    def check(self, content_id: str, data: bytes) -> httpx.Response:
        return self.software.post("/v1/check", params={"content_id": content_id}, content=data)

    def held(self, content_id: str, data: bytes) -> str:
        reply = self.check(content_id, data).raise_for_status().json()
        assert reply["verdict"] == "held"
        return str(reply["lead_id"])

    def sign_in(self, reviewer: str = "robin") -> None:
        body = {"code": self.platform.keys.review_code, "reviewer": reviewer}
        self.browser.post("/v1/session", json=body).raise_for_status()

    def decide(self, lead_id: str, action: str, reason: str) -> httpx.Response:
        return self.browser.post(f"/v1/leads/{lead_id}/decision", json={"action": action, "reason": reason})

    def words(self) -> list[tuple[str, str, str]]:
        return [(word["list"], word["entry_id"], word["value"]) for word in self.registry.feedback]

    def held_files(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "held").iterdir())


@contextmanager
def running_kit(
    folder: Path, registry: HandMadeRegistry | None = None, clock: ManualClock | None = None, **settings: object
) -> Iterator[RunningKit]:
    registry = registry or HandMadeRegistry()
    clock = clock or ManualClock(registry.now_s)
    log = io.StringIO()
    with served(registry) as registry_url:
        told: dict[str, Any] = {"sync_interval_s": 0.05, **settings}
        key = SecretStr(registry.signer.partner_key().text)
        platform = build_platform(
            PlatformSettings(data_dir=folder, registry=registry_url, key=key, **told), clock, open_log(log)
        )
        server = Server(platform.app)
        with platform:
            server.start()
            kit = RunningKit(folder, registry, clock, platform, server.url, log)
            try:
                yield kit
            finally:
                kit.software.close()
                kit.browser.close()
                server.stop()
