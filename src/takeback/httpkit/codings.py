"""Which content codings a caller takes.

**Source:** RFC 9110 section 12.5.3, as far as it is needed: a coding is taken if it is named, or ``*``, and not with
weight 0. Orders of preference are ours.
"""


def takes_coding(untrusted_accept: str, coding: str) -> bool:
    """Whether ``Accept-Encoding: untrusted_accept`` allows ``coding`` (lower case)."""
    for item in untrusted_accept.lower().split(","):
        name, _, weight = item.partition(";")
        if name.strip() in {coding, "*"}:
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False
