"""A PostgreSQL server of one's own, in a folder that goes with it. For tests, and for benchmarks as a command.

``python tools/postgresql.py`` starts one as durable as in service, prints its URL and ends it when its standard input
is closed.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_OWNER = "postgres"
UNSAFE_BUT_QUICK = "-c fsync=off -c full_page_writes=off"
"""For tests: nothing that is in it has to outlive a power cut."""


class PostgresqlMissingError(Exception):
    """What is needed to run one is not on this machine."""


def program(name: str) -> Path:
    """Where one of PostgreSQL's programs is.

    Raises:
        PostgresqlMissingError: nowhere.
    """
    if found := shutil.which(name):
        return Path(found)
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if not places:
        raise PostgresqlMissingError(f"PostgreSQL ({name})")
    return places[-1]


@contextmanager
def running_postgresql(options: str = "") -> Iterator[Path]:
    """A server that trusts whoever reaches its socket's folder, which is what is given.

    Raises:
        PostgresqlMissingError: it cannot run here.
    """
    initdb, pg_ctl, owner = program("initdb"), program("pg_ctl"), _owner()
    # A short path of its own: a socket's path has at most 107 bytes, and every parent must be open to the owner.
    folder = Path(tempfile.mkdtemp(prefix="takeback-pg-"))
    try:
        if owner:
            os.chown(folder, owner["user"], owner["group"])
        data = folder / "data"

        def run(*command: Path | str) -> None:
            subprocess.run(command, check=True, capture_output=True, cwd=folder, timeout=120, **owner)

        run(initdb, "-D", data, "-U", "takeback", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
        settings = f"-k {folder} -h '' -c max_connections=50 {options}"
        run(pg_ctl, "-D", data, "-o", settings, "-l", folder / "log", "-w", "start")
        try:
            yield folder
        finally:
            run(pg_ctl, "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _owner() -> dict[str, Any]:
    # PostgreSQL refuses to run as root.
    if os.geteuid() != 0:
        return {}
    try:
        account = pwd.getpwnam(_OWNER)
    except KeyError:
        raise PostgresqlMissingError(f"A user '{_OWNER}' to run PostgreSQL as") from None
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


if __name__ == "__main__":
    # Whoever closes the input may send a signal as well; ended by that, the server would be left behind.
    signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with running_postgresql() as folder:
            print(f"postgresql+psycopg://takeback@/postgres?host={folder}", flush=True)
            sys.stdin.read()
    except PostgresqlMissingError as missing:
        sys.exit(f"{missing} is not here; `make dev` installs it or says how.")
