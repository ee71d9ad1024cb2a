"""The receipt: twenty digits that only the person has.

The first eighteen are random (59 bits), the last two are check digits, so that a typing error is caught on the device
before anything slow or remote happens. It looks like any long number on purpose.

**Source:** ISO/IEC 7064 MOD 97-10 for the check digits; docs/protocol/case-v1.md §2.
"""

import secrets
from dataclasses import dataclass, field

from takeback.errors import InvalidInputError

_RANDOM_DIGITS = 18
_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt whose check digits are right. Its text never appears in a ``repr``, so it cannot slip into a log."""

    digits: str = field(repr=False)

    def grouped(self) -> str:
        """The way it is shown and read out: five groups of four."""
        return " ".join(self.digits[i : i + 4] for i in range(0, _DIGITS, 4))


def _check_digits(body: str) -> str:
    return f"{98 - int(body) * 100 % 97:02d}"


def new_receipt() -> Receipt:
    """Draw a receipt from the operating system's random source."""
    body = "".join(str(secrets.randbelow(10)) for _ in range(_RANDOM_DIGITS))
    return Receipt(body + _check_digits(body))


def parse_receipt(untrusted_text: str) -> Receipt:
    """Read what a person typed: spaces and dashes do not matter.

    Raises:
        InvalidInputError: ``receipt.format`` if it is not twenty digits, ``receipt.check`` if a digit is mistyped.
    """
    digits = "".join(c for c in untrusted_text if c not in " -\t\n\r\u00a0\u2009\u2013")
    if len(digits) != _DIGITS or not (digits.isascii() and digits.isdigit()):
        raise InvalidInputError("receipt.format", "A receipt has 20 digits. Please check what you typed.")
    if _check_digits(digits[:_RANDOM_DIGITS]) != digits[_RANDOM_DIGITS:]:
        raise InvalidInputError("receipt.check", "One of the digits is not right. Please check what you typed.")
    return Receipt(digits)
