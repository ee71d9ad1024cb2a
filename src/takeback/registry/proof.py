"""Proof of work: a puzzle that a device solves once for each submission, so that a flood of them costs something.

The puzzle is ALTCHA's: find the number whose PBKDF2 is as asked. It is signed, bound to the bytes of one request, good
for a while and good once. Nothing about who asked is in it or kept.

**Source:** docs/protocol/case-v1.md §9; https://altcha.org, v2 challenges.
"""

import hashlib
import hmac
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import altcha
from sqlalchemy import Connection, delete

from takeback.clock import Clock
from takeback.db.insert import insert_those_new
from takeback.errors import NotAllowedError
from takeback.registry.abuse_tables import SPENT_PROOFS
from takeback.registry.breaker import Breaker, BreakerRules
from takeback.registry.puzzles import PuzzleStock, sign_puzzle
from takeback.wire.proof_v1 import MAX_GUESSES, ChallengeShape, ProofShape, invalid_proof, parse_proof

_SECONDS_AN_HOUR = 3600


@dataclass(frozen=True, slots=True)
class ProofRules:
    """How much work a submission costs.

    Args:
        guesses: most guesses a device needs while it is quiet, half of it on average; 0 asks for no proof.
        rounds: PBKDF2 rounds of a guess.
        ttl_s: seconds a challenge is good for.
        breaker: when more is asked for.
    """

    guesses: int = 1500
    rounds: int = 1000
    ttl_s: int = 1200
    breaker: BreakerRules = field(default_factory=BreakerRules)


@dataclass(frozen=True, slots=True)
class SpentProof:
    """A proof that is good, to be spent together with what it is for.

    Args:
        digest: 32 bytes by which it is known when it comes again.
        until_hour: when it may be forgotten, hours since 1970-01-01.
    """

    digest: bytes
    until_hour: int


class ProofDesk:
    """Hands out challenges and checks proofs.

    Args:
        clock: for how long a challenge is good.
        secret: 32 bytes that all processes of a registry share.
        rules: how much work.
        processes: how many processes of this registry share what comes in.
    """

    def __init__(
        self, clock: Clock, secret: bytes, rules: ProofRules, processes: Callable[[], int] = lambda: 1
    ) -> None:
        self._clock = clock
        self._rules = rules
        self._challenge_secret = hmac.digest(secret, b"challenge", "sha256")
        self._key_secret = hmac.digest(secret, b"key", "sha256")
        self._breaker = Breaker(rules.breaker, processes)
        self.stock = PuzzleStock(rules.rounds)
        self._gate = threading.Lock()

    def issue(self, binding: str) -> ChallengeShape | None:
        """A new challenge for one request, or ``None`` where no proof is asked for.

        Args:
            binding: 64 hexadecimal digits, from ``wire.proof_v1.binding_of``.
        """
        if not self._rules.guesses:
            return None
        now_s = self._clock.now_s()
        with self._gate:
            guesses = min(self._breaker.work(self._rules.guesses, now_s), MAX_GUESSES)
        # Ours, because ALTCHA's own expiry is checked by the machine's clock and not by the one passed in.
        data = {"binding": binding, "guesses": guesses, "until": now_s + self._rules.ttl_s}
        challenge = sign_puzzle(self.stock.take(guesses), data, self._challenge_secret, self._key_secret)
        return ChallengeShape.model_validate(challenge.to_dict())

    def check(self, untrusted_header: str | None, binding: str) -> SpentProof | None:
        """The proof that came with a request, or ``None`` where none is asked for. Whether it is new, ``spend`` says.

        Raises:
            NotAllowedError: ``proof.required``, ``proof.invalid`` or ``proof.expired``.
        """
        if not self._rules.guesses:
            return None
        if untrusted_header is None:
            raise NotAllowedError("proof.required", "This needs a puzzle that your device solves. Please ask for one.")
        proof = parse_proof(untrusted_header)
        data = proof.challenge.parameters.data
        if not hmac.compare_digest(data.binding, binding) or not self._is_solved(proof):
            raise invalid_proof()
        if data.until < self._clock.now_s():
            raise NotAllowedError("proof.expired", "The puzzle was solved too long ago. Please ask for a new one.")
        return SpentProof(
            hashlib.sha256(bytes.fromhex(proof.challenge.parameters.nonce)).digest(),
            data.until // _SECONDS_AN_HOUR + 1,
        )

    def note_submission(self) -> None:
        """Tell the breaker of a submission that was taken in."""
        with self._gate:
            self._breaker.note(self._clock.now_s())

    def _is_solved(self, proof: ProofShape) -> bool:
        payload = altcha.Payload.from_dict(proof.model_dump())
        result = altcha.verify_solution(payload, self._challenge_secret, hmac_key_secret=self._key_secret)
        return bool(result.verified)


def spend(connection: Connection, proofs: Sequence[SpentProof | None]) -> list[bool]:
    """Spend proofs in the transaction of what they are for, so that both happen or neither.

    Returns:
        Of each, whether it was still good, as is what needs none. It raises nothing: one proof sent again and again
        would break up the transactions that many submissions share.
    """
    rows = {
        proof.digest: {"digest": proof.digest, "until_hour": proof.until_hour} for proof in proofs if proof is not None
    }
    unspent = insert_those_new(connection, SPENT_PROOFS, list(rows.values()), SPENT_PROOFS.c.digest)
    good: list[bool] = []
    for proof in proofs:
        good.append(proof is None or proof.digest in unspent)
        if proof is not None:
            unspent.discard(proof.digest)
    return good


def forget_expired(connection: Connection, now_s: int) -> None:
    """Erase what is known of proofs that could not be used any more anyway."""
    connection.execute(delete(SPENT_PROOFS).where(SPENT_PROOFS.c.until_hour <= now_s // _SECONDS_AN_HOUR))


def spent_proof() -> NotAllowedError:
    """What is said of a proof that is spent already."""
    return NotAllowedError("proof.spent", "This puzzle has been used already. Please ask for a new one.")
