# Compiled code takes numpy's integers for int, and numba gives intrinsics their first argument: mypy knows neither.
# mypy: disable-error-code="arg-type, return-value, assignment, call-arg, var-annotated, unreachable"
"""The compiled loops: radius search, scan, table building, look-ups by id and value, merge, checksum.

All are pure functions of arrays, run without Python's global lock, and are compiled once and cached on disk. Values are
in chunk order (chunks.py): ``values: (n, 4) uint64``, chunk c is bits 16 (c mod 4) and up of word c div 4. Callers pass
arrays that a kernel only reads as read-only, so that there is one compiled version of each. They trust their arguments:
shapes and ranges are the business of segment.py and snapshot.py.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from takeback.matching.intrinsics import LANES, address_of, lowest_set_bit, popcount, prefetch, sketches_within

CHUNKS = 16
CHUNK_BITS = 16
BUCKETS = 1 << CHUNK_BITS

_OFFSETS_AHEAD = 16  # probes whose offsets are on their way
_BUCKETS_AHEAD = 8  # probes whose sketches are on their way; 8 to 16 are alike here, 32 is slower
_CANDIDATES_AHEAD = 8
_WINDOW = 32  # power of two above _OFFSETS_AHEAD
_RING = 128  # power of two above 2 * _CANDIDATES_AHEAD + LANES

Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
TableArrays = tuple[NDArray[np.uint32], NDArray[np.uint16], Bytes]
PlanArrays = tuple[Numbers, Numbers, Numbers, Numbers]


@njit(cache=True, nogil=True)
def _chunk(values: Words, row: int, chunk: int) -> int:
    return np.int64((values[row, chunk >> 2] >> np.uint64(CHUNK_BITS * (chunk & 3))) & np.uint64(BUCKETS - 1))


@njit(cache=True, nogil=True)
def _distance(values: Words, row: int, queries: Words, query: int) -> int:
    total = np.uint64(0)
    for word in range(values.shape[1]):
        total += popcount(values[row, word] ^ queries[query, word])
    return np.int64(total)


@njit(cache=True, nogil=True)
def build_tables(values: Words, offsets: NDArray[np.uint32], sketches: NDArray[np.uint16], positions: Bytes) -> None:
    """Fill the sixteen tables of a segment: a counting sort of the rows by each chunk.

    Args:
        values: (n, 4), n < 2^24.
        offsets: (16, 65537), zeros; bucket k of chunk c is ``offsets[c, k]`` up to ``offsets[c, k + 1]``.
        sketches: (16, n + LANES), zeros; in bucket order, the row's next chunk (chunk 0 for chunk 15).
        positions: (16, 3 n); in bucket order, the row's number, three bytes, low byte first.
    """
    rows = values.shape[0]
    heads = np.empty(BUCKETS, np.int64)
    for chunk in range(CHUNKS):
        table = offsets[chunk]
        for row in range(rows):
            table[_chunk(values, row, chunk) + 1] += np.uint32(1)
        for bucket in range(BUCKETS):
            table[bucket + 1] += table[bucket]
            heads[bucket] = table[bucket]
        following = (chunk + 1) % CHUNKS
        for row in range(rows):
            bucket = _chunk(values, row, chunk)
            at = heads[bucket]
            heads[bucket] += 1
            sketches[chunk, at] = _chunk(values, row, following)
            positions[chunk, 3 * at] = row & 255
            positions[chunk, 3 * at + 1] = (row >> 8) & 255
            positions[chunk, 3 * at + 2] = row >> 16


@njit(cache=True, nogil=True)
def _is_first_sight(values: Words, row: int, queries: Words, query: int, chunk: int, radii: Numbers) -> bool:
    """Whether no earlier chunk's search has brought this row: so each row is reported once, without a list of seen."""
    first = popcount(np.uint64(_chunk(values, row, 0) ^ _chunk(queries, query, 0)))
    here = np.int64(first)
    for earlier in range(chunk):
        following = earlier + 1
        ahead = np.int64(popcount(np.uint64(_chunk(values, row, following) ^ _chunk(queries, query, following))))
        if here <= radii[earlier] and here + ahead <= radii[earlier] + radii[following] + 1:
            return False
        here = ahead
    return True


@njit(cache=True, nogil=True)
def near(
    values: Words,
    dead: Bytes,
    tables: TableArrays,
    plan: PlanArrays,
    radius: int,
    queries: Words,
    out: Numbers,
) -> int:
    """Find every live row within a radius of each query.

    Args:
        values: (n, 4).
        dead: (n,), not 0 where a row is removed.
        tables: offsets, sketches and positions, as ``build_tables`` leaves them.
        plan: probes and radii of ``chunks.Plan`` for this radius: chunk (p,), flip (p,), limit (p,), radii (16,).
        radius: 0 to 256 bits.
        queries: (q, 4), in chunk order too.
        out: (capacity, 3), filled with query, row and distance.

    Returns:
        How many were found; if more than ``capacity``, call again with room for them.

    **Source:** multi-index hashing, Norouzi, Punjani and Fleet 2014; the general pigeonhole principle, Qin et al. 2018;
    and the prefix test on the next chunk, Qin and Xiao, Pigeonring, VLDB 2018 (see docs/matching.md §2).
    """
    found = 0
    begins = np.empty(_WINDOW, np.int64)
    ends = np.empty(_WINDOW, np.int64)
    ring = np.empty((_RING, 2), np.int64)
    for query in range(queries.shape[0]):
        found = _near_one(values, dead, tables, plan, radius, queries, query, out, found, begins, ends, ring)
    return found


@njit(cache=True, nogil=True)
def _near_one(
    values: Words,
    dead: Bytes,
    tables: TableArrays,
    plan: PlanArrays,
    radius: int,
    queries: Words,
    query: int,
    out: Numbers,
    found: int,
    begins: Numbers,
    ends: Numbers,
    ring: Numbers,
) -> int:
    offsets, sketches, _ = tables
    probe_chunk, _, probe_limit, _ = plan
    probes = probe_chunk.shape[0]
    base = address_of(sketches)
    added = 0
    looked_up = 0
    verified = 0
    for step in range(-_OFFSETS_AHEAD, probes):
        _ask_for_offsets(offsets, plan, queries, query, step + _OFFSETS_AHEAD)
        _ask_for_bucket(offsets, sketches, plan, queries, query, step + _BUCKETS_AHEAD, begins, ends)
        if step < 0:
            continue
        chunk = np.int64(probe_chunk[step])
        at = begins[step & (_WINDOW - 1)]
        end = ends[step & (_WINDOW - 1)]
        sketch = np.uint64(_chunk(queries, query, (chunk + 1) & (CHUNKS - 1)))
        limit = np.uint64(probe_limit[step])
        row_base = chunk * sketches.shape[1]
        while at < end:
            hits = sketches_within(base + np.uint64(2 * (row_base + at)), sketch, limit)
            if end - at < LANES:
                # What lies beyond the bucket belongs to the next one.
                hits &= (np.uint64(1) << np.uint64(end - at)) - np.uint64(1)
            if hits != np.uint64(0):
                added = _remember(ring, added, hits, at, chunk, tables)
                looked_up = _look_up_rows(ring, looked_up, added - _CANDIDATES_AHEAD, tables, values)
                while verified < looked_up - _CANDIDATES_AHEAD:
                    found = _verify(ring, verified, values, dead, plan, radius, queries, query, out, found)
                    verified += 1
            at += LANES
    _look_up_rows(ring, looked_up, added, tables, values)
    while verified < added:
        found = _verify(ring, verified, values, dead, plan, radius, queries, query, out, found)
        verified += 1
    return found


@njit(cache=True, nogil=True)
def _ask_for_offsets(offsets: NDArray[np.uint32], plan: PlanArrays, queries: Words, query: int, probe: int) -> None:
    if probe < plan[0].shape[0]:
        chunk = np.int64(plan[0][probe])
        bucket = _chunk(queries, query, chunk) ^ np.int64(plan[1][probe])
        prefetch(address_of(offsets) + np.uint64(4 * (chunk * (BUCKETS + 1) + bucket)))


@njit(cache=True, nogil=True)
def _ask_for_bucket(
    offsets: NDArray[np.uint32],
    sketches: NDArray[np.uint16],
    plan: PlanArrays,
    queries: Words,
    query: int,
    probe: int,
    begins: Numbers,
    ends: Numbers,
) -> None:
    if 0 <= probe < plan[0].shape[0]:
        chunk = np.int64(plan[0][probe])
        bucket = _chunk(queries, query, chunk) ^ np.int64(plan[1][probe])
        begin = np.int64(offsets[chunk, bucket])
        end = np.int64(offsets[chunk, bucket + 1])
        begins[probe & (_WINDOW - 1)] = begin
        ends[probe & (_WINDOW - 1)] = end
        line = address_of(sketches) + np.uint64(2 * (chunk * sketches.shape[1] + begin))
        # Sixteen lines are a bucket of 512; the processor follows a longer one by itself.
        last = address_of(sketches) + np.uint64(2 * (chunk * sketches.shape[1] + min(end, begin + 512)))
        while line < last:
            prefetch(line)
            line += np.uint64(64)


@njit(cache=True, nogil=True)
def _remember(ring: Numbers, added: int, hits: int, at: int, chunk: int, tables: TableArrays) -> int:
    positions = tables[2]
    base = address_of(positions) + np.uint64(chunk * positions.shape[1])
    while hits != np.uint64(0):
        place = at + np.int64(lowest_set_bit(hits))
        hits &= hits - np.uint64(1)
        ring[added & (_RING - 1), 0] = place
        ring[added & (_RING - 1), 1] = chunk
        prefetch(base + np.uint64(3 * place))
        added += 1
    return added


@njit(cache=True, nogil=True)
def _look_up_rows(ring: Numbers, done: int, upto: int, tables: TableArrays, values: Words) -> int:
    positions = tables[2]
    base = address_of(values)
    while done < upto:
        slot = done & (_RING - 1)
        chunk = ring[slot, 1]
        place = 3 * ring[slot, 0]
        row = (
            np.int64(positions[chunk, place])
            | (np.int64(positions[chunk, place + 1]) << 8)
            | (np.int64(positions[chunk, place + 2]) << 16)
        )
        ring[slot, 0] = row
        prefetch(base + np.uint64(32 * row))
        done += 1
    return done


@njit(cache=True, nogil=True)
def _verify(
    ring: Numbers,
    candidate: int,
    values: Words,
    dead: Bytes,
    plan: PlanArrays,
    radius: int,
    queries: Words,
    query: int,
    out: Numbers,
    found: int,
) -> int:
    row = ring[candidate & (_RING - 1), 0]
    distance = _distance(values, row, queries, query)
    if distance > radius or dead[row] != 0:
        return found
    if not _is_first_sight(values, row, queries, query, ring[candidate & (_RING - 1), 1], plan[3]):
        return found
    return _report(out, found, query, row, distance)


@njit(cache=True, nogil=True)
def _report(out: Numbers, found: int, query: int, row: int, distance: int) -> int:
    if found < out.shape[0]:
        out[found, 0] = query
        out[found, 1] = row
        out[found, 2] = distance
    return found + 1


@njit(cache=True, nogil=True)
def scan(values: Words, dead: Bytes, count: int, radius: int, queries: Words, out: Numbers) -> int:
    """Like ``near`` over the first ``count`` rows, by looking at every one. Values may have any number of words."""
    found = 0
    block = 512  # 16 KB of values stay in the first cache while all queries pass over them
    for begin in range(0, count, block):
        end = min(begin + block, count)
        for query in range(queries.shape[0]):
            for row in range(begin, end):
                distance = _distance(values, row, queries, query)
                if distance <= radius and dead[row] == 0:
                    found = _report(out, found, query, row, distance)
    return found


@njit(cache=True, nogil=True)
def _compare(left: Words, left_row: int, right: Words, right_row: int) -> int:
    for word in range(left.shape[1]):
        if left[left_row, word] < right[right_row, word]:
            return -1
        if left[left_row, word] > right[right_row, word]:
            return 1
    return 0


@njit(cache=True, nogil=True)
def lower_bounds(ids: Words, wanted: Words, out: Numbers) -> None:
    """Binary search.

    Args:
        ids: (n, w), ascending.
        wanted: (k, w); faster if it ascends too.
        out: (k,), the first row whose id is not below.
    """
    for item in range(wanted.shape[0]):
        low = 0
        high = ids.shape[0]
        while low < high:
            middle = (low + high) >> 1
            if _compare(ids, middle, wanted, item) < 0:
                low = middle + 1
            else:
                high = middle
        out[item] = low


@njit(cache=True, nogil=True)
def equal(values: Words, dead: Bytes, order: NDArray[np.uint32], queries: Words, out: Numbers) -> int:
    """Find every live row that equals a query; ``order`` lists the rows by value. Fills ``out`` as ``near`` does."""
    found = 0
    for query in range(queries.shape[0]):
        low = 0
        high = order.shape[0]
        while low < high:
            middle = (low + high) >> 1
            if _compare(values, np.int64(order[middle]), queries, query) < 0:
                low = middle + 1
            else:
                high = middle
        while low < order.shape[0] and _compare(values, np.int64(order[low]), queries, query) == 0:
            if dead[order[low]] == 0:
                found = _report(out, found, query, np.int64(order[low]), 0)
            low += 1
    return found


@njit(cache=True, nogil=True)
def merge(
    ids: Words, values: Words, dead: Bytes, other_ids: Words, other_values: Words, out_ids: Words, out_values: Words
) -> int:
    """Merge two runs that ascend by id, leaving out the first one's dead rows. No id is live in both.

    Args:
        ids: (n, 2), the first run.
        values: (n, w).
        dead: (n,), not 0 where a row is to be left out.
        other_ids: (k, 2), the second run, in which all live.
        other_values: (k, w).
        out_ids: (n + k, 2).
        out_values: (n + k, w).

    Returns:
        Rows written.
    """
    written = 0
    other = 0
    for row in range(ids.shape[0]):
        if dead[row] != 0:
            continue
        while other < other_ids.shape[0] and _compare(other_ids, other, ids, row) < 0:
            out_ids[written] = other_ids[other]
            out_values[written] = other_values[other]
            other += 1
            written += 1
        out_ids[written] = ids[row]
        out_values[written] = values[row]
        written += 1
    while other < other_ids.shape[0]:
        out_ids[written] = other_ids[other]
        out_values[written] = other_values[other]
        other += 1
        written += 1
    return written


@njit(cache=True, nogil=True)
def reorder_bits(raw: Bytes, order: Numbers, out: Words) -> None:
    """Bring values into chunk order.

    Args:
        raw: (n, 32), bit 0 is the most significant bit of byte 0.
        order: (256,), for each bit of the result the bit of ``raw`` it comes from.
        out: (n, 4); bit k of the result is bit k mod 64 of word k div 64.
    """
    for row in range(raw.shape[0]):
        for word in range(4):
            bits = np.uint64(0)
            for bit in range(64):
                source = order[64 * word + bit]
                one = (raw[row, source >> 3] >> np.uint8(7 - (source & 7))) & np.uint8(1)
                bits |= np.uint64(one) << np.uint64(bit)
            out[row, word] = bits


@njit(cache=True, nogil=True)
def checksum(words: Words) -> int:
    """64 bits over (n,) words: finds every change within one word, and others but for one in 2^64.

    **Source:** the accumulation round of xxHash64 (its specification, "Step 2"), without its finish: this guards
    against a failing disk, not against a forger.
    """
    prime_1 = np.uint64(0x9E3779B185EBCA87)
    prime_2 = np.uint64(0xC2B2AE3D27D4EB4F)
    lanes = np.arange(1, 5).astype(np.uint64) * prime_1
    a, b, c, d = lanes[0], lanes[1], lanes[2], lanes[3]
    whole = words.shape[0] // 4 * 4
    for at in range(0, whole, 4):
        a = _round(a, words[at], prime_1, prime_2)
        b = _round(b, words[at + 1], prime_1, prime_2)
        c = _round(c, words[at + 2], prime_1, prime_2)
        d = _round(d, words[at + 3], prime_1, prime_2)
    for at in range(whole, words.shape[0]):
        a = _round(a, words[at], prime_1, prime_2)
    total = np.uint64(words.shape[0])
    for lane in (a, b, c, d):
        total = _round(total, lane, prime_1, prime_2)
    return total


@njit(cache=True, nogil=True)
def _round(lane: int, word: int, prime_1: int, prime_2: int) -> int:
    lane += word * prime_2
    return ((lane << np.uint64(31)) | (lane >> np.uint64(33))) * prime_1


@njit(cache=True, nogil=True)
def tables_hold(offsets: NDArray[np.uint32], positions: Bytes, rows: int) -> bool:
    """Whether no search in these tables can leave its arrays: offsets ascend to ``rows``, positions are below it."""
    for chunk in range(CHUNKS):
        if offsets[chunk, 0] != 0 or np.int64(offsets[chunk, BUCKETS]) != rows:
            return False
        for bucket in range(BUCKETS):
            if offsets[chunk, bucket] > offsets[chunk, bucket + 1]:
                return False
        for at in range(rows):
            row = (
                np.int64(positions[chunk, 3 * at])
                | (np.int64(positions[chunk, 3 * at + 1]) << 8)
                | (np.int64(positions[chunk, 3 * at + 2]) << 16)
            )
            if row >= rows:
                return False
    return True


@njit(cache=True, nogil=True)
def nearest_distances(values: Words, others: Words, out: Numbers) -> None:
    """For each of (n, 4) values the distance to the nearest of (m, 4) others, m at least 1. ``out``: (n,)."""
    for row in range(values.shape[0]):
        nearest = 64 * values.shape[1]
        for other in range(others.shape[0]):
            nearest = min(nearest, _distance(values, row, others, other))
        out[row] = nearest
