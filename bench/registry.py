"""The registry under load: acknowledged durable submissions a second, beside a bare endpoint; questions; kills.

``takeback bench registry [--submissions N] [--connections N] [--database sqlite|postgresql|both] [--entries N
--cases N] [--kills N] [--json]``. Every server is a process of its own on loopback, as in service, and the client one
more: all share this machine's cores. ``submissions``: ours and the bare peer (bench/registry_bare.py: one insert and
one commit a request, as durable, nothing checked) take the same bytes in turns. ``submissions_with_proof``: the same
with the puzzle asked for, handed out and checked as in service; the rate counts both requests of each submission, and
not the time the client solves (it is asked for one guess: what it costs the registry is the same). ``status``:
questions about twelve holds each against a filled SQLite file. ``kills``: a registry that is killed with SIGKILL under
load and started again; what it acknowledged must be on the list in the end, once.
"""

import argparse
import json
import random
import secrets
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from http_load import Load, post, run_load
from registry_filled import fill
from registry_kills import KillsRow, run_kills
from registry_servers import bare_process, postgresql_process, registry_process
from takeback.client.proof import solve
from takeback.client.sealing import CaseKeys, seal_for
from takeback.db import sqlite_url
from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.wire.case_v1 import submission_body, tokens_body
from takeback.wire.proof_v1 import PROOF_HEADER, BindingShape, ChallengeReplyShape, binding_of, proof_header

ROUNDS = 3
TOKENS_A_QUESTION = 12
QUESTIONS = 3000


@dataclass(frozen=True, slots=True)
class SubmissionsRow:
    """Ours and the peer's, medians over the rounds; ``cpu_ms``: processor time of the server's process a submission."""

    measure: str
    database: str
    connections: int
    per_s: float
    p50_ms: float
    p99_ms: float
    bare_per_s: float
    bare_p99_ms: float
    ratio: float
    cpu_ms: float
    bare_cpu_ms: float


@dataclass(frozen=True, slots=True)
class StatusRow:
    """Questions against a filled file."""

    measure: str
    entries: int
    cases: int
    connections: int
    per_s: float
    p50_ms: float
    p99_ms: float


Row = SubmissionsRow | StatusRow | KillsRow


def main(arguments: list[str]) -> int:
    """Run it; exit code 1 if something acknowledged was lost or doubled."""
    options = _options(arguments)
    rows = []
    for measure in _measures(options):
        row = measure()
        print(f"{row.measure}: done", file=sys.stderr)
        rows.append(row)
    for row in rows:
        if options.json:
            print(json.dumps({"bench": "registry", **asdict(row)}))
        else:
            _print(row)
    return int(any(isinstance(row, KillsRow) and row.lost + row.doubled + row.unknown > 0 for row in rows))


def _measures(options: argparse.Namespace) -> Iterator[Callable[[], Row]]:
    databases = ("sqlite", "postgresql") if options.database == "both" else (options.database,)
    if options.submissions:
        for guesses in (0, 1):
            sizes = (options.submissions, options.connections, guesses)
            yield from (partial(_submissions, name, *sizes) for name in databases)
    if options.entries:
        yield partial(_status, options.entries, options.cases)
    if options.kills:
        yield partial(run_kills, options.kills)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("takeback bench registry", description=__doc__)
    parser.add_argument("--submissions", type=int, default=4000, help="of each side and round; 0 leaves them out")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--entries", type=int, default=1_000_000, help="of the filled file; 0 leaves it out")
    parser.add_argument("--cases", type=int, default=200_000)
    parser.add_argument("--kills", type=int, default=20, help="0 leaves them out")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


def _submissions(database: str, count: int, connections: int, proof_guesses: int) -> SubmissionsRow:
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        if database == "postgresql":
            url = opened.enter_context(postgresql_process())
            ours = opened.enter_context(registry_process(folder, url, proof_guesses=proof_guesses))
            bare = opened.enter_context(bare_process(url))
        else:
            ours = opened.enter_context(registry_process(folder, proof_guesses=proof_guesses))
            bare = opened.enter_context(bare_process(sqlite_url(folder / "bare.db")))
        load_ours = _load_with_proof if proof_guesses else _load
        sides = (ours, bare)
        used = [child.cpu_s() for child in sides]
        rounds = [
            (load_ours(ours.line, count, connections), _load(bare.line, count, connections)) for _ in range(ROUNDS)
        ]
        spent_s = [child.cpu_s() - before for child, before in zip(sides, used, strict=True)]
    per_s = statistics.median(one.per_s for one, _ in rounds)
    bare_per_s = statistics.median(other.per_s for _, other in rounds)
    return SubmissionsRow(
        "submissions_with_proof" if proof_guesses else "submissions",
        database,
        connections,
        round(per_s),
        round(statistics.median(one.percentile_ms(50) for one, _ in rounds), 1),
        round(statistics.median(one.percentile_ms(99) for one, _ in rounds), 1),
        round(bare_per_s),
        round(statistics.median(other.percentile_ms(99) for _, other in rounds), 1),
        round(per_s / bare_per_s, 2),
        round(1000 * spent_s[0] / (ROUNDS * count), 2),
        round(1000 * spent_s[1] / (ROUNDS * count), 2),
    )


def _load(url: str, count: int, connections: int) -> Load:
    load = run_load(url, [post("/v1/cases", body) for body in _bodies(count)], connections)
    _all_taken(url, load)
    return load


def _load_with_proof(url: str, count: int, connections: int) -> Load:
    """Ask for all puzzles, solve them while nothing is measured, submit; latencies are of the submissions."""
    bodies = list(_bodies(count))
    questions = [BindingShape(binding=binding_of("/v1/cases", body)).model_dump_json().encode() for body in bodies]
    asked = run_load(url, [post("/v1/challenges", question) for question in questions], connections)
    puzzles = [ChallengeReplyShape.model_validate_json(reply).challenge for reply in asked.bodies]
    proofs = [proof_header(solve(puzzle)) for puzzle in puzzles if puzzle is not None]
    headers = [f"{PROOF_HEADER}: {proof}\r\n" for proof in proofs]
    load = run_load(
        url, [post("/v1/cases", body, header) for body, header in zip(bodies, headers, strict=True)], connections
    )
    _all_taken(url, load)
    return replace(load, seconds=asked.seconds + load.seconds)


def _all_taken(url: str, load: Load) -> None:
    if set(load.statuses) != {202}:
        raise RuntimeError(f"{url} refused: {sorted(set(load.statuses))}")


def _half_ones() -> str:
    """A PDQ value as a picture could have it: half of its bits are ones, or the registry refuses it."""
    ones = random.SystemRandom().sample(range(256), 128)
    return f"{sum(1 << place for place in ones):064x}"


def _bodies(count: int) -> Iterator[bytes]:
    """Submissions of one picture each: three fingerprints, padded to 4096 bytes."""
    for _ in range(count):
        keys = CaseKeys(secrets.token_bytes(16), secrets.token_bytes(32))
        picture = [
            Fingerprint(Algorithm.PDQ, _half_ones(), 90),
            Fingerprint(Algorithm.MD5, secrets.token_hex(16)),
            Fingerprint(Algorithm.SHA256, secrets.token_hex(32)),
        ]
        yield submission_body(seal_for(keys, [picture], date(2026, 1, 1)))


def _status(entries: int, cases: int) -> StatusRow:
    connections = 4
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        tokens = fill(folder / "registry.db", entries, cases)
        with registry_process(folder) as child:
            questions = [tokens_body(_sample(tokens)) for _ in range(QUESTIONS)]
            load = run_load(child.line, [post("/v1/holds/status", body) for body in questions], connections)
    if set(load.statuses) != {200}:
        raise RuntimeError(f"refused: {sorted(set(load.statuses))}")
    return StatusRow(
        "status",
        entries,
        cases,
        connections,
        round(load.per_s),
        round(load.percentile_ms(50), 1),
        round(load.percentile_ms(99), 1),
    )


def _sample(tokens: list[bytes]) -> list[bytes]:
    return secrets.SystemRandom().sample(tokens, TOKENS_A_QUESTION)


def _print(row: SubmissionsRow | StatusRow | KillsRow) -> None:
    fields = asdict(row)
    table = Table(*(name.replace("_", " ") for name in fields if name != "measure"), title=row.measure)
    table.add_row(
        *(f"{value:,}" if isinstance(value, int | float) else str(value) for value in list(fields.values())[1:])
    )
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
