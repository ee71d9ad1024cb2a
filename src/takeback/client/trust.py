"""Which signing key a client trusts: the one its partner key pins, or the one that key handed over to.

Trust only moves forward. A key that has handed over is not believed again, whoever has it: neither its heads nor a
second succession. What is trusted now is kept beside the list (``ListStore.trusted_key``).

**Source:** docs/protocol/feed-v1.md §3, §4 and §9.
"""

from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from takeback.errors import InvalidInputError, ProtocolViolationError
from takeback.wire.feed_keys_v1 import (
    REVOCATION_CONTEXT,
    SUCCESSION_CONTEXT,
    KeysShape,
    StatementShape,
    Succession,
    parse_revocation,
    parse_succession,
)
from takeback.wire.feed_v1 import SignatureShape, key_id_of, pin_of
from takeback.wire.shape import decode_base64


def verify_signatures(text: str, signatures: Sequence[SignatureShape], public_key: bytes, context: bytes) -> None:
    """Check that the trusted key is among those that signed a text.

    Args:
        text: exactly as it was signed.
        signatures: of any keys; those of other keys are neither trusted nor in the way.
        public_key: 32 bytes.
        context: what kind of text it is.

    Raises:
        ProtocolViolationError: ``feed.signature``.
    """
    key_id = key_id_of(public_key)
    for signature in signatures:
        if signature.key_id == key_id:
            if is_signed(text, signature.signature, public_key, context):
                return
            break
    raise ProtocolViolationError("feed.signature", "The list is not signed by the registry you trust.")


def is_signed(text: str, untrusted_signature: str, public_key: bytes, context: bytes) -> bool:
    """Whether a base64 signature over ``context ‖ text`` is this key's."""
    if not text.isascii():
        return False
    try:
        raw = decode_base64(untrusted_signature, "feed.signature")
        Ed25519PublicKey.from_public_bytes(public_key).verify(raw, context + text.encode())
    except (InvalidSignature, InvalidInputError, ValueError):
        return False
    return True


def trusted_key(pin: str, known: bytes | None, untrusted_keys: KeysShape) -> bytes:
    """The key to trust, following every hand-over from the one that is trusted now.

    Args:
        pin: the partner key's, which counts only while nothing is known.
        known: what was trusted last, if anything was.
        untrusted_keys: the registry's answer.

    Raises:
        ProtocolViolationError: ``feed.signature`` if no way leads to a key the registry signs with: this is another
            registry, or a hand-over was signed by the wrong key. ``feed.revoked`` if the registry has revoked the key.
    """
    successions = [(parse_succession(shape.text), shape) for shape in untrusted_keys.successions]
    shown = [bytes.fromhex(shape.public_key) for shape in untrusted_keys.keys]
    candidates = (*shown, *(one.previous for one, _ in successions))
    key = known if known is not None else next((one for one in candidates if pin_of(one) == pin), None)
    for _ in successions:
        following = None if key is None else _following(key, successions)
        if following is None:
            break
        key = following
    if key is None or key not in shown:
        _refuse_if_revoked(pin, key, shown, untrusted_keys.revocations)
        raise _another_registry()
    return key


def _following(key: bytes, successions: Sequence[tuple[Succession, StatementShape]]) -> bytes | None:
    for succession, shape in successions:
        if succession.previous == key:
            if not is_signed(shape.text, shape.signature, key, SUCCESSION_CONTEXT):
                raise _another_registry()
            return succession.next
    return None


def _refuse_if_revoked(
    pin: str, key: bytes | None, shown: Sequence[bytes], untrusted: Sequence[StatementShape]
) -> None:
    """Say more plainly why a key is not accepted. The registry's word about it cannot make anything trusted."""
    for shape in untrusted:
        named = parse_revocation(shape.text).revoked
        signed = any(is_signed(shape.text, shape.signature, one, REVOCATION_CONTEXT) for one in shown)
        if signed and (named == key or pin_of(named) == pin):
            raise ProtocolViolationError(
                "feed.revoked", "The registry has revoked the signing key you trust. Ask it for a new partner key."
            )


def _another_registry() -> ProtocolViolationError:
    return ProtocolViolationError(
        "feed.signature", "This is not the registry your key belongs to: it does not show the signing key you trust."
    )
