"""Column types."""

from sqlalchemy import Dialect, LargeBinary


class Bytes(LargeBinary):
    """Bytes, handed to the driver as they are.

    SQLAlchemy wraps every value in the driver's ``Binary``, a ``memoryview`` with both of ours. Nobody needs that, and
    a large batch makes tens of thousands of them, which keep the garbage collector busy.
    """

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> None:
        """None."""

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        """None: both drivers give ``bytes``."""
