"""A square code for an authenticator app, as rows of dark and light."""


def qr_rows(text: str) -> list[str]:
    """Rows of ``1`` (dark) and ``0``; none where the library that makes them is not installed.

    The secret stands beside it as text, so nobody is kept out by its absence.
    """
    try:
        import segno  # noqa: PLC0415 - only needed here, and only once an operator
    except ImportError:
        return []
    code = segno.make(text, micro=False, error="m")
    return ["".join("1" if module & 1 else "0" for module in row) for row in code.matrix]
