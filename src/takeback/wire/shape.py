"""The base of every wire shape, and the two encodings they share."""

import base64
import binascii
from collections.abc import Iterable
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from takeback.errors import InvalidInputError, ProtocolViolationError

Hex16 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Hex64 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Shape(BaseModel):
    """A strict, immutable wire shape."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class ReplyShape(BaseModel):
    """What a server answers: strict too, but a newer server may add fields an older client does not know."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


AnyShape = TypeVar("AnyShape", bound=BaseModel)


def parse_reply(shape: type[AnyShape], untrusted_body: bytes, code: str) -> AnyShape:
    """Read a server's answer.

    Raises:
        ProtocolViolationError: with ``code``, if the body is not this shape. It is not quoted: it may hold values.
    """
    try:
        return shape.model_validate_json(untrusted_body)
    except ValidationError as error:
        where = ", ".join(".".join(str(part) for part in problem["loc"]) for problem in error.errors()[:3])
        raise ProtocolViolationError(code, "The server's answer is not what the protocol says.", detail=where) from None


def encode_base64(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(untrusted_text: str, code: str) -> bytes:
    """Strict base64.

    Raises:
        InvalidInputError: with ``code``, if the text is not base64.
    """
    try:
        return base64.b64decode(untrusted_text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInputError(code, "A field that should be base64 is not.") from None


def padded(body: bytes, sizes_bytes: Iterable[int]) -> bytes | None:
    """Fill a JSON object's ``"padding":""`` member so that the whole has the smallest listed size that fits.

    Args:
        body: JSON that ends in ``"padding":""}``.
        sizes_bytes: allowed sizes, ascending.

    Returns:
        The padded body, or ``None`` if it is larger than every size.
    """
    for size in sizes_bytes:
        if len(body) <= size:
            return body[:-2] + b" " * (size - len(body)) + body[-2:]
    return None
