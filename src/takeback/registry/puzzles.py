"""Puzzles that wait to be handed out, so that nobody's request waits while one is made.

Making one costs as much as one guess of it costs a device, and needs nothing of the request it will be bound to. What
binds it, its signature, comes when it is handed out.

**Source:** docs/protocol/case-v1.md §9; https://altcha.org, v2 challenges.
"""

import hmac
import json
import secrets
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import altcha

from takeback.wire.proof_v1 import ALGORITHM

_WAITING = 128
_REFILL_BELOW = 64


@dataclass(frozen=True, slots=True)
class Puzzle:
    """A puzzle that is not signed yet.

    Args:
        guesses: the solution is below it.
        challenge: ALTCHA's.
        derived_key: 32 bytes, what solves it.
    """

    guesses: int
    challenge: altcha.Challenge
    derived_key: bytes = field(repr=False)


def make_puzzle(guesses: int, rounds: int) -> Puzzle:
    """A new puzzle; most of the time is one PBKDF2, during which Python's lock is free.

    Args:
        guesses: how many a device needs at most.
        rounds: of each guess.
    """
    derived: list[bytes] = []

    def derive(parameters: altcha.ChallengeParameters, salt: bytes, password: bytes) -> bytes:
        derived.append(altcha.derive_key_pbkdf2(parameters, salt, password))
        return derived[-1]

    challenge = altcha.create_challenge(ALGORITHM, rounds, counter=secrets.randbelow(guesses), derive_key=derive)
    return Puzzle(guesses, challenge, derived[0])


def sign_puzzle(puzzle: Puzzle, data: Mapping[str, object], secret: bytes, key_secret: bytes) -> altcha.Challenge:
    """Bind a puzzle to what it is for. It may be signed once."""
    parameters = puzzle.challenge.parameters
    parameters.data = dict(data)
    parameters.key_signature = hmac.digest(key_secret, puzzle.derived_key, "sha256").hex()
    # ALTCHA signs JSON with sorted keys and no white space; all of ours is ASCII.
    text = json.dumps(parameters.to_dict(), sort_keys=True, separators=(",", ":"))
    puzzle.challenge.signature = hmac.digest(secret, text.encode("ascii"), "sha256").hex()
    return puzzle.challenge


class PuzzleStock:
    """Puzzles made ahead, all of the present difficulty. Every method may be called from any thread.

    Args:
        rounds: of each guess.
    """

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self._waiting: deque[Puzzle] = deque()
        self._guesses = 0
        self._gate = threading.Lock()
        self._refilling = False

    def take(self, guesses: int) -> Puzzle:
        """One that waits, or a new one if none of this difficulty does."""
        with self._gate:
            if guesses != self._guesses:
                self._waiting.clear()
                self._guesses = guesses
            if self._waiting:
                return self._waiting.popleft()
        return make_puzzle(guesses, self._rounds)

    def begin_refill(self) -> bool:
        """Whether ``refill`` should be called, elsewhere. Says so to one caller at a time."""
        with self._gate:
            if self._refilling or len(self._waiting) >= _REFILL_BELOW:
                return False
            self._refilling = True
            return True

    def refill(self) -> None:
        """Make puzzles until enough wait: some ten milliseconds of work."""
        try:
            for _ in range(_WAITING):
                with self._gate:
                    guesses = self._guesses
                    if len(self._waiting) >= _WAITING or not guesses:
                        return
                puzzle = make_puzzle(guesses, self._rounds)
                with self._gate:
                    if puzzle.guesses == self._guesses:
                        self._waiting.append(puzzle)
        finally:
            with self._gate:
                self._refilling = False
