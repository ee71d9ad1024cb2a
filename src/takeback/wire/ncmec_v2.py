"""The NCMEC hash-sharing shape, version 2: XML out and in. Source: docs/protocol/partner-shapes.md §2.

Entries are written as text, because a page may hold a hundred thousand of them and everything in it is digits of ours;
what comes from outside is parsed without document types, so that no entity exists that could be expanded.
"""

import html
import re
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import urlencode

from takeback.errors import InvalidInputError
from takeback.model.lead import FeedbackValue

NAMESPACE = "https://hashsharing.ncmec.org/hashsharing/v2"
MEDIA_TYPE = "application/xml"

_TIME = "%Y-%m-%dT%H:%M:%SZ"
_TIME_IN = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.\d{1,9})?Z", re.ASCII)
_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
_REASON_SPACE = uuid.UUID("6f2a1c1e-8d0b-5b0e-9c55-3f6c1f3b7a10")


class EntryKind(StrEnum):
    """The element an entry is shown as."""

    IMAGE = "image"
    VIDEO = "video"


class FingerprintType(StrEnum):
    """The protocol's names of fingerprints, as they stand in its paths."""

    MD5 = "MD5"
    SHA1 = "SHA1"
    PDNA = "PDNA"
    PDQ = "PDQ"
    NETCLEAN = "NETCLEAN"
    VIDENTIFIER = "VIDENTIFIER"
    TMK_PDQF = "TMK_PDQF"
    SSVH_PDNA = "SSVH_PDNA"
    SSVH_SAFER_HASH = "SSVH_SAFER_HASH"


REASONS = {
    str(uuid.uuid5(_REASON_SPACE, name)): name
    for name in ("Not the same picture or video", "Not intimate", "Fingerprint matches too much")
}
"""Why a partner may say no, by guid: the ids never change, because partners keep them."""


@dataclass(frozen=True, slots=True)
class Member:
    """Who takes part.

    Args:
        number: the protocol's ``id``.
        name: for people.
    """

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class EntryShape:
    """One entry as it is shown.

    Args:
        entry_id: 32 hexadecimal digits.
        published_s: Unix seconds of its latest change.
        value: lower-case hexadecimal; ``None`` for one that has gone.
        words: what partners said of it.
    """

    entry_id: str
    published_s: int
    value: str | None = field(repr=False)
    words: frozenset[FeedbackValue] = frozenset()


@dataclass(frozen=True, slots=True)
class Window:
    """What is asked for: changes published after ``after_s`` and up to and with ``until_s``."""

    after_s: int
    until_s: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next page begins.

    Args:
        kind: in which container.
        after: after which change.
        served: entries handed out before it.
        total: entries in the whole window, at most.
    """

    kind: EntryKind
    after: int
    served: int
    total: int


def parse_time(untrusted: str) -> int:
    """Unix seconds of ``2026-11-23T20:15:00Z``; a fraction is cut off.

    Raises:
        InvalidInputError: ``entries.time``.
    """
    found = _TIME_IN.fullmatch(untrusted)
    try:
        return int(datetime.strptime(f"{found[1] if found else ''}Z", _TIME).replace(tzinfo=UTC).timestamp())
    except (ValueError, OverflowError):
        raise InvalidInputError("entries.time", "Times are written as 2026-11-23T20:15:00Z, in UTC.") from None


def format_time(at_s: int) -> str:
    """The protocol's text of an instant."""
    return datetime.fromtimestamp(at_s, tz=UTC).strftime(_TIME)


def next_path(window: Window, place: Place, size: int) -> str:
    """What ``paging/next`` says: a path below the base that the client sends back as it is."""
    query = {
        "from": format_time(window.after_s),
        "to": format_time(window.until_s),
        "start": place.served,
        "size": size,
        "max": place.total,
        "kind": place.kind.value,
        "after": place.after,
    }
    return f"/v2/entries?{urlencode(query)}"


def entries_document(
    owner: Member, images: Sequence[EntryShape], videos: Sequence[EntryShape], following: str | None
) -> Iterator[bytes]:
    """A page of entries, in parts."""
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<queryResult xmlns="{NAMESPACE}">'.encode()
    yield from _container(EntryKind.IMAGE, "pdq", owner, images)
    yield from _container(EntryKind.VIDEO, "md5", owner, videos)
    if following is not None:
        yield f"<paging><next>{html.escape(following)}</next></paging>".encode()
    yield b"</queryResult>"


_PART = 2_000


def _container(kind: EntryKind, fingerprint: str, owner: Member, entries: Sequence[EntryShape]) -> Iterator[bytes]:
    latest = f' maxTimestamp="{format_time(max(one.published_s for one in entries))}"' if entries else ""
    yield f'<{kind.value}s count="{len(entries)}"{latest}>'.encode()
    member = f'<member id="{owner.number}">{html.escape(owner.name)}</member>'
    for start in range(0, len(entries), _PART):
        yield "".join(_entry(kind, fingerprint, member, one) for one in entries[start : start + _PART]).encode()
    yield f"</{kind.value}s>".encode()


def _entry(kind: EntryKind, fingerprint: str, member: str, entry: EntryShape) -> str:
    head = f"{member}<id>{entry.entry_id}</id><timestamp>{format_time(entry.published_s)}</timestamp>"
    if entry.value is None:
        name = f"deleted{kind.value.capitalize()}"
        return f"<{name}>{head}</{name}>"
    return (
        f"<{kind.value}>{head}<classification>NCII</classification>"
        f"<fingerprints><{fingerprint}>{entry.value}</{fingerprint}></fingerprints>"
        f"{_feedback(fingerprint.upper(), entry.words)}</{kind.value}>"
    )


_EVERYBODY = '<members><member id="0">Participating platforms</member></members>'
"""Whoever said it: partners do not learn of each other here."""


def _feedback(kind: str, words: frozenset[FeedbackValue]) -> str:
    parts: list[str] = []
    if FeedbackValue.BLOCKED in words:
        parts.append(f'<affirmativeFeedback type="{kind}">{_EVERYBODY}</affirmativeFeedback>')
    if FeedbackValue.NOT_BLOCKED in words:
        reasons = f'<reasons><reason name="Not stated"/>{_EVERYBODY}</reasons>'
        parts.append(f'<negativeFeedback type="{kind}">{reasons}</negativeFeedback>')
    return f"<feedback>{''.join(parts)}</feedback>" if parts else ""


def status_document(caller: Member) -> bytes:
    """Who is asking. The protocol has a place for the caller's address; it stays empty."""
    root = ET.Element("status", xmlns=NAMESPACE)
    ET.SubElement(root, "ipAddress")
    ET.SubElement(root, "username").text = caller.name
    _member(root, caller)
    return _bytes(root)


def members_document(members: Iterable[Member]) -> bytes:
    """Whose entries there are, and who is asking."""
    root = ET.Element("members", xmlns=NAMESPACE)
    for member in members:
        _member(root, member)
    return _bytes(root)


def reasons_document(kind: FingerprintType) -> bytes:
    """Why a partner may say no."""
    root = ET.Element("feedbackReasons", xmlns=NAMESPACE)
    offered = ET.SubElement(root, "availableFeedbackReasons", type=kind.value)
    for guid, name in REASONS.items():
        ET.SubElement(offered, "reason", guid=guid, name=name)
    return _bytes(root)


def feedback_document() -> bytes:
    """The answer to feedback that was kept."""
    return _bytes(ET.Element("feedbackResult", xmlns=NAMESPACE))


def parse_feedback(untrusted_body: bytes) -> bool:
    """Whether a submission says yes (``True``) or no.

    Raises:
        InvalidInputError: ``feedback.format``, or ``feedback.reason`` for a no without a reason from the list.
    """
    children = list(_parse(untrusted_body, "feedbackSubmission"))
    if len(children) != 1 or _local(children[0]) not in {"affirmative", "negative"}:
        raise _malformed()
    (vote,) = children
    if _local(vote) == "affirmative":
        return True
    guids = [one.text or "" for block in vote if _local(block) == "reasonIds" for one in block if _local(one) == "guid"]
    if not guids or any(guid.strip().lower() not in REASONS for guid in guids):
        raise InvalidInputError("feedback.reason", "A negative word gives reasons from the list of this registry.")
    return False


def _parse(untrusted_body: bytes, root: str) -> ET.Element:
    try:
        # As text, so that no declaration can choose another encoding in which the check below sees nothing.
        text = _DECLARATION.sub("", untrusted_body.decode("utf-8-sig"), count=1)
        if "<!" in text or "<?" in text:
            raise _malformed()
        found = ET.fromstring(text)  # noqa: S314 - without document type there are no entities to expand
    except (ET.ParseError, ValueError):
        raise _malformed() from None
    if _local(found) != root:
        raise _malformed()
    return found


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _malformed() -> InvalidInputError:
    return InvalidInputError("feedback.format", "The feedback is not XML of the form the protocol asks for.")


def _member(parent: ET.Element, member: Member) -> None:
    ET.SubElement(parent, "member", id=str(member.number)).text = member.name


def _bytes(root: ET.Element) -> bytes:
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode").encode()
