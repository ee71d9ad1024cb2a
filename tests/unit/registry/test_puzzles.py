"""Puzzles made ahead: any ALTCHA library solves and verifies them, and the stock follows the difficulty."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import altcha
from hypothesis import given
from hypothesis import strategies as st

from takeback.registry.puzzles import PuzzleStock, make_puzzle, sign_puzzle

if TYPE_CHECKING:
    from takeback.registry.puzzles import Puzzle

SECRET, KEY_SECRET = b"s" * 32, b"k" * 32
ROUNDS = 2


@given(guesses=st.integers(1, 40), until=st.integers(0, 2**40), binding=st.binary(min_size=32, max_size=32))
def test_the_library_solves_what_we_sign_and_believes_it(guesses: int, until: int, binding: bytes) -> None:
    data = {"until": until, "binding": binding.hex(), "guesses": guesses}
    challenge = sign_puzzle(make_puzzle(guesses, ROUNDS), data, SECRET, KEY_SECRET)
    solution = altcha.solve_challenge(challenge)
    assert solution is not None
    assert solution.counter < guesses
    payload = altcha.Payload(challenge, solution)
    assert altcha.verify_solution(payload, SECRET, hmac_key_secret=KEY_SECRET).verified
    assert altcha.verify_solution(payload, SECRET).verified  # derived anew, not by the key's signature
    assert not altcha.verify_solution(payload, b"another secret", hmac_key_secret=KEY_SECRET).verified
    challenge.parameters.data = {**data, "until": until + 1}
    assert not altcha.verify_solution(payload, SECRET, hmac_key_secret=KEY_SECRET).verified


def _nonces(puzzles: list[Puzzle]) -> set[str]:
    return {puzzle.challenge.parameters.nonce for puzzle in puzzles}


def test_no_puzzle_is_handed_out_twice() -> None:
    stock = PuzzleStock(ROUNDS)
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: _take_and_refill(stock), range(400)))
    assert len(_nonces(taken)) == 400


def _take_and_refill(stock: PuzzleStock) -> Puzzle:
    puzzle = stock.take(5)
    if stock.begin_refill():
        stock.refill()
    return puzzle


def test_a_new_difficulty_throws_away_what_waits() -> None:
    stock = PuzzleStock(ROUNDS)
    stock.take(5)
    assert stock.begin_refill()
    assert not stock.begin_refill()  # one at a time
    stock.refill()
    assert not stock.begin_refill()  # enough wait
    harder = [stock.take(50) for _ in range(3)]
    assert [puzzle.guesses for puzzle in harder] == [50, 50, 50]
    assert stock.begin_refill()
    stock.refill()
    assert {stock.take(50).guesses for _ in range(100)} == {50}
