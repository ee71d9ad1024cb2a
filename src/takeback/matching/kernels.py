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


@njit(cache=True, nogil=True, forceinline=True)
def _chunk(values: Words, row: int, chunk: int) -> int:
    return np.int64((values[row, chunk >> 2] >> np.uint64(CHUNK_BITS * (chunk & 3))) & np.uint64(BUCKETS - 1))


@njit(cache=True, nogil=True, forceinline=True)
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
        positions: (48 n,); chunk by chunk and in bucket order, the row's number, three bytes, low byte first.
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
            place = 3 * (chunk * rows + at)
            positions[place] = row & 255
            positions[place + 1] = (row >> 8) & 255
            positions[place + 2] = row >> 16


@njit(cache=True, nogil=True, forceinline=True)
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
def near(  # noqa: C901, PLR0912, PLR0915 - see the comment at its beginning
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
    # One long function on purpose: around each call that takes arrays and has branches, numba counts references, and
    # with the loops below in functions of their own a search takes two to three times as long. Short straight functions
    # are free.
    offsets, sketches, positions = tables
    probe_chunk, probe_flip, probe_limit, radii = plan
    probes = probe_chunk.shape[0]
    offsets_at = address_of(offsets)
    sketches_at = address_of(sketches)
    positions_at = address_of(positions)
    values_at = address_of(values)
    stride = sketches.shape[1]
    cuts = np.empty(CHUNKS, np.int64)
    begins = np.empty(_WINDOW, np.int64)
    ends = np.empty(_WINDOW, np.int64)
    ring = np.empty(_RING, np.int64)  # of candidates: first where the row's number is, then the row
    origins = np.empty(_RING, np.int64)  # and the chunk that brought each
    found = 0
    for query in range(queries.shape[0]):
        for chunk in range(CHUNKS):
            cuts[chunk] = _chunk(queries, query, chunk)
        chunk = at = end = added = looked_up = verified = 0
        sketch = limit = np.uint64(0)
        step = -_OFFSETS_AHEAD
        ahead = _CANDIDATES_AHEAD
        while ahead > 0 or verified < added:
            if at < end:  # compare the next 32 of this bucket
                hits = sketches_within(sketches_at + np.uint64(2 * (chunk * stride + at)), sketch, limit)
                if end - at < LANES:
                    # What lies beyond the bucket belongs to the next one.
                    hits &= (np.uint64(1) << np.uint64(end - at)) - np.uint64(1)
                while hits != np.uint64(0):
                    place = 3 * (chunk * (stride - LANES) + at + np.int64(lowest_set_bit(hits)))
                    hits &= hits - np.uint64(1)
                    ring[added & (_RING - 1)] = place
                    origins[added & (_RING - 1)] = chunk
                    prefetch(positions_at + np.uint64(place))
                    added += 1
                at += LANES
            elif step < probes:  # go to the next bucket, and ask for what later ones need
                coming = step + _OFFSETS_AHEAD
                if coming < probes:
                    chunk = probe_chunk[coming]
                    bucket = cuts[chunk] ^ probe_flip[coming]
                    prefetch(offsets_at + np.uint64(4 * (chunk * (BUCKETS + 1) + bucket)))
                coming = step + _BUCKETS_AHEAD
                if 0 <= coming < probes:
                    chunk = probe_chunk[coming]
                    bucket = cuts[chunk] ^ probe_flip[coming]
                    at = np.int64(offsets[chunk, bucket])
                    end = np.int64(offsets[chunk, bucket + 1])
                    begins[coming & (_WINDOW - 1)] = at
                    ends[coming & (_WINDOW - 1)] = end
                    _ask_for_lines(sketches_at + np.uint64(2 * (chunk * stride + at)), end - at)
                at = end = 0
                if step >= 0:
                    chunk = probe_chunk[step]
                    at = begins[step & (_WINDOW - 1)]
                    end = ends[step & (_WINDOW - 1)]
                    sketch = np.uint64(cuts[(chunk + 1) & (CHUNKS - 1)])
                    limit = np.uint64(probe_limit[step])
                step += 1
            else:  # nothing more will come: do not wait for it
                ahead = 0
            while looked_up < added - ahead:
                row = _row_at(positions, ring[looked_up & (_RING - 1)])
                ring[looked_up & (_RING - 1)] = row
                prefetch(values_at + np.uint64(32 * row))
                looked_up += 1
            while verified < looked_up - ahead:
                row = ring[verified & (_RING - 1)]
                distance = _distance_of_four(values, row, queries, query)
                origin = origins[verified & (_RING - 1)]
                near_and_live = distance <= radius and dead[row] == 0
                if near_and_live and _is_first_sight(values, row, queries, query, origin, radii):
                    found = _report(out, found, query, row, distance)
                verified += 1
    return found


@njit(cache=True, nogil=True, forceinline=True)
def _ask_for_lines(first: int, count: int) -> None:
    # Sixteen lines are a bucket of 512; the processor follows a longer one by itself.
    last = first + np.uint64(2 * min(count, 512))
    while first < last:
        prefetch(first)
        first += np.uint64(64)


@njit(cache=True, nogil=True, forceinline=True)
def _row_at(positions: Bytes, place: int) -> int:
    return np.int64(positions[place]) | (np.int64(positions[place + 1]) << 8) | (np.int64(positions[place + 2]) << 16)


@njit(cache=True, nogil=True, forceinline=True)
def _distance_of_four(values: Words, row: int, queries: Words, query: int) -> int:
    return np.int64(
        popcount(values[row, 0] ^ queries[query, 0])
        + popcount(values[row, 1] ^ queries[query, 1])
        + popcount(values[row, 2] ^ queries[query, 2])
        + popcount(values[row, 3] ^ queries[query, 3])
    )


@njit(cache=True, nogil=True, forceinline=True)
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


@njit(cache=True, nogil=True, forceinline=True)
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


@njit(cache=True, nogil=True, forceinline=True)
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
            row = _row_at(positions, 3 * (chunk * rows + at))
            if row >= rows:
                return False
    return True
