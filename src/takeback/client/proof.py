"""Solving the registry's puzzle on the person's device.

**Source:** docs/protocol/case-v1.md §9.3; https://altcha.org, v2 challenges.
"""

from collections.abc import Callable

import altcha
import httpx

from takeback.client.transport import call
from takeback.errors import ProtocolViolationError
from takeback.wire.proof_v1 import (
    MAX_GUESSES,
    BindingShape,
    ChallengeReplyShape,
    ChallengeShape,
    ProofShape,
    SolutionShape,
    binding_of,
    proof_header,
)
from takeback.wire.shape import parse_reply

_REPLY = "registry.reply"

OnGuess = Callable[[int, int], None]
"""Told how many guesses have been made, and how many it may take at most."""


def fetch_proof(http: httpx.Client, path: str, body: bytes, on_guess: OnGuess | None = None) -> str | None:
    """Ask for a challenge for one request and solve it.

    Args:
        http: the registry.
        path: of the request.
        body: of the request, as it will be sent.
        on_guess: told of progress, for people who wait.

    Returns:
        The header that goes with the request, or ``None`` where the registry asks for none.

    Raises:
        ProtocolViolationError: ``registry.reply`` for a puzzle that is for something else, far too hard, or has no
            solution.
        TakebackError: as :func:`takeback.client.transport.call`.
    """
    binding = binding_of(path, body)
    question = BindingShape(binding=binding).model_dump_json().encode()
    reply = parse_reply(ChallengeReplyShape, call(http, "POST", "/v1/challenges", body=question), _REPLY)
    if reply.challenge is None:
        return None
    data = reply.challenge.parameters.data
    if data.binding != binding or data.guesses > MAX_GUESSES:
        raise ProtocolViolationError(_REPLY, "The registry's puzzle is not one that this program solves.")
    return proof_header(solve(reply.challenge, on_guess))


def solve(challenge: ChallengeShape, on_guess: OnGuess | None = None) -> ProofShape:
    """Find the number.

    Raises:
        ProtocolViolationError: ``registry.reply`` if there is none among those the challenge promises.
    """
    parameters = challenge.parameters
    guesses = parameters.data.guesses
    known = altcha.Challenge.from_dict(challenge.model_dump())
    nonce, salt = bytes.fromhex(parameters.nonce), bytes.fromhex(parameters.salt)
    for counter in range(guesses):
        if on_guess is not None:
            on_guess(counter, guesses)
        key = altcha.derive_key_pbkdf2(known.parameters, salt, nonce + counter.to_bytes(4, "big")).hex()
        if key.startswith(parameters.keyPrefix):
            return ProofShape(challenge=challenge, solution=SolutionShape(counter=counter, derivedKey=key))
    raise ProtocolViolationError(_REPLY, "The registry's puzzle has no solution.")
