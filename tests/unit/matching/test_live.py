"""A list that changes while it is asked: as a state machine, and with real threads."""

import threading
from datetime import date

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from takeback.matching import Growth, MatchEngine, Policy
from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm, Fingerprint

DAY = date(2026, 11, 1)
PDQ = Algorithm.PDQ


def change(seq: int, entry: int, value: int | None) -> Change:
    if value is None:
        return Change(PDQ, seq, Op.REMOVE, f"{entry:032x}", None, None, DAY)
    return Change(PDQ, seq, Op.ADD, f"{entry:032x}", f"{value:064x}", 80, DAY)


def distances(engine: MatchEngine, value: int) -> dict[int, int]:
    found = engine.match([Fingerprint(PDQ, f"{value:064x}", 80)])
    assert [match.distance_bits for match in found] == sorted(match.distance_bits for match in found)
    near = {int(match.entry_id, 16): match.distance_bits for match in found}
    assert len(near) == len(found), "an entry was reported twice"
    return near


small_values = st.integers(0, 255).map(lambda k: k * 0x0101 << (k % 7 * 30))
entries = st.integers(0, 60)


class ListMachine(RuleBasedStateMachine):
    """Adds, removes, replaces and replays against a dictionary, with merges in between; segments are tiny."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = MatchEngine(Policy(3, 9), Growth(delta_rows=8, ratio=2, background=False))
        self.known: dict[int, int] = {}
        self.log: list[Change] = []

    @rule(changes=st.lists(st.tuples(entries, st.none() | small_values), min_size=1, max_size=25))
    def apply(self, changes: list[tuple[int, int | None]]) -> None:
        made = [change(len(self.log) + number, *item) for number, item in enumerate(changes, 1)]
        self.engine.apply(made)
        self.log += made
        for entry, value in changes:
            if value is None:
                self.known.pop(entry, None)
            else:
                self.known[entry] = value

    @precondition(lambda self: self.log)
    @rule(back=st.integers(1, 10))
    def replay_the_last_changes(self, back: int) -> None:
        final = {int(item.entry_id, 16): item for item in self.log}
        self.engine.apply([item for item in final.values() if item.seq > len(self.log) - back])

    @rule()
    def merge(self) -> None:
        self.engine.merge_step()

    @rule()
    def settle(self) -> None:
        self.engine.settle()

    @rule(value=small_values)
    def ask(self, value: int) -> None:
        expected = {entry: (known ^ value).bit_count() for entry, known in self.known.items()}
        assert distances(self.engine, value) == {entry: bits for entry, bits in expected.items() if bits <= 9}

    @invariant()
    def the_count_is_right(self) -> None:
        assert self.engine.count(PDQ) == len(self.known)
        assert self.engine.seq(PDQ) == len(self.log)


TestListMachine = ListMachine.TestCase
TestListMachine.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


def test_readers_never_miss_an_entry_that_stays() -> None:
    """Two readers ask while a writer adds and removes thousands of others and merges run on their own thread."""
    engine = MatchEngine(growth=Growth(delta_rows=64, ratio=2))
    rng = np.random.default_rng(3)
    values = [int.from_bytes(rng.bytes(32)) for _ in range(6000)]
    staying = {entry: values[entry] for entry in range(100)}
    engine.apply(change(entry + 1, entry, value) for entry, value in staying.items())
    done = threading.Event()
    missed: list[int] = []
    asked = [0, 0]

    def read(reader: int) -> None:
        while not done.is_set() or asked[reader] < 50:
            entry = (asked[reader] * 7 + reader) % 100
            if distances(engine, staying[entry] ^ 0b111).get(entry) != 3:
                missed.append(entry)
            asked[reader] += 1

    readers = [threading.Thread(target=read, args=(number,), daemon=True) for number in range(2)]
    for thread in readers:
        thread.start()
    for begin in range(100, 5980, 280):
        adding = [change(begin * 2 + k, entry, values[entry]) for k, entry in enumerate(range(begin, begin + 280))]
        engine.apply(adding)
        assert distances(engine, values[begin + 279])[begin + 279] == 0
        engine.apply([change(begin * 2 + 280 + k, begin + k, None) for k in range(200)])
        assert begin not in distances(engine, values[begin])
        if missed:
            break
    done.set()
    for thread in readers:
        thread.join()
    engine.settle()
    assert missed == []
    assert min(asked) >= 50
    assert engine.count(PDQ) == 100 + len(range(100, 5980, 280)) * 80
    assert all(distances(engine, value)[entry] == 0 for entry, value in staying.items())


def test_merges_keep_the_number_of_segments_small() -> None:
    engine = MatchEngine(growth=Growth(delta_rows=16, ratio=4, background=False))
    rng = np.random.default_rng(1)
    for seq in range(1, 2001):
        engine.apply([change(seq, seq, int.from_bytes(rng.bytes(32)))])
        engine.settle()
    assert len(engine.segment_sizes(PDQ)) <= 5
    assert engine.count(PDQ) == 2000


def test_what_is_removed_gives_its_place_back() -> None:
    engine = MatchEngine(growth=Growth(delta_rows=16, background=False))
    engine.apply(change(entry + 1, entry, entry << 40) for entry in range(1000))
    engine.apply(change(entry + 2000, entry, None) for entry in range(900))
    engine.settle()
    assert sum(engine.segment_sizes(PDQ)) == 100


def test_a_bulk_load_answers_like_single_changes() -> None:
    rng = np.random.default_rng(9)
    raw = rng.integers(0, 256, (3000, 32), np.uint8)
    ids = np.stack([rng.integers(0, 2**64, 3000, np.uint64), np.arange(3000, dtype=np.uint64)], axis=1)
    engine = MatchEngine()
    engine.bulk_load(PDQ, ids, raw, 3000)
    for row in range(0, 3000, 211):
        found = engine.match([Fingerprint(PDQ, raw[row].tobytes().hex(), 80)])
        assert [match.entry_id for match in found] == [f"{int(ids[row, 0]):016x}{int(ids[row, 1]):016x}"]
    gone = Change(PDQ, 3001, Op.REMOVE, f"{int(ids[5, 0]):016x}{int(ids[5, 1]):016x}", None, None, DAY)
    engine.apply([gone])
    assert engine.match([Fingerprint(PDQ, raw[5].tobytes().hex(), 80)]) == []
    assert (engine.count(PDQ), engine.seq(PDQ)) == (2999, 3001)
