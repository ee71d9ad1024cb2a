"""The processes that ``bench registry`` measures: ours, the bare peer, and a PostgreSQL for both."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]

_ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def registry_process(
    folder: Path, database_url: str | None = None, batch_interval_s: float = 2.0, proof_guesses: int = 0
) -> Iterator["Child"]:
    """Our registry as it is in service, on a free port. Batches run while it is measured."""
    environment = {
        **os.environ,
        "TAKEBACK_DATA_DIR": str(folder),
        "TAKEBACK_PORT": "0",
        # 0: only the way to the disk is measured; the bare endpoint beside it asks for no puzzle either. What a puzzle
        # costs the registry does not depend on how many guesses it takes.
        "TAKEBACK_PROOF_GUESSES": str(proof_guesses),
        "TAKEBACK_PROOF_MAX_STEPS": "0",
        # A bench asks more in a minute than everybody together is expected to.
        "TAKEBACK_QUESTIONS_PER_MINUTE": "10000000",
        "TAKEBACK_BATCH_INTERVAL_S": str(batch_interval_s),
    }
    if database_url is not None:
        environment["TAKEBACK_DATABASE_URL"] = database_url
    with _child([sys.executable, "-m", "takeback.apps.registry"], environment) as child:
        yield child


@contextmanager
def bare_process(database_url: str) -> Iterator["Child"]:
    """The peer."""
    with _child([sys.executable, str(_ROOT / "bench/registry_bare.py"), database_url], dict(os.environ)) as child:
        yield child


@contextmanager
def postgresql_process() -> Iterator[str]:
    """The URL of a server that flushes to disk as one in service does."""
    with _child([sys.executable, str(_ROOT / "tools/postgresql.py")], dict(os.environ)) as child:
        yield child.line


class Child:
    """A process that printed one line when it was ready."""

    def __init__(self, process: subprocess.Popen[str], line: str) -> None:
        self.process = process
        self.line = line

    def cpu_s(self) -> float:
        """Seconds of processor time it has used: unlike a rate, hardly disturbed by what else the machine does."""
        used = psutil.Process(self.process.pid).cpu_times()
        return float(used.user + used.system)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.wait()


@contextmanager
def _child(command: list[str], environment: dict[str, str]) -> Iterator[Child]:
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment)
    if process.stdout is None or process.stdin is None or process.stderr is None:
        raise RuntimeError(command[-1])
    line = process.stdout.readline().strip()
    if not line:
        raise RuntimeError(f"{' '.join(command)} did not start: {process.stderr.read()[-2000:]}")
    try:
        yield Child(process, line)
    finally:
        # A process that reads its standard input ends with it; the others get a signal.
        process.stdin.close()
        process.terminate()
        process.wait(30)
        process.stdout.close()
        process.stderr.close()
