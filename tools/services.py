"""Find, or install, the two real programs the tests need: Chromium and PostgreSQL.

Run by ``make dev``. As root on Debian or Ubuntu it installs what is missing; elsewhere it says what to install. With
``CI=true`` a program that is still missing is an error: a test that cannot run must not look like one that passed.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Service:
    """A program the tests need: where it may be, and the Debian package that brings it."""

    name: str
    commands: tuple[str, ...]
    globs: tuple[str, ...]
    package: str

    def path(self) -> Path | None:
        """Where it is, or ``None``."""
        for command in self.commands:
            if found := shutil.which(command):
                return Path(found)
        for pattern in self.globs:
            if places := sorted(Path("/").glob(pattern)):
                return places[-1]
        return None


SERVICES = (
    Service(
        "Chromium",
        ("chromium", "chromium-browser", "google-chrome"),
        ("usr/bin/chromium*", "opt/google/chrome/chrome"),
        "chromium",
    ),
    Service("PostgreSQL", ("initdb",), ("usr/lib/postgresql/*/bin/initdb",), "postgresql"),
)


def _apt_install(packages: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    for command in (["apt-get", "update", "-qq"], install):
        subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL)


def main() -> int:
    """Make both available; exit code 1 under CI if one is still missing."""
    missing = [service for service in SERVICES if service.path() is None]
    if missing and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing", ", ".join(service.name for service in missing), "…")
        _apt_install([service.package for service in missing])
        missing = [service for service in SERVICES if service.path() is None]
    for service in missing:
        print(
            f"{service.name} is missing; tests that need it are skipped. Debian, Ubuntu: apt install {service.package}"
        )
    return 1 if missing and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
