"""What the registry signs about the additions of one answer that it keeps back from one partner.

The chain is the same for everybody, so it cannot say from whom a value is withheld. Without a signed word, whoever
stands between could turn any addition into a withheld one, and the chain would still come out.

**Source:** docs/protocol/feed-v1.md §4.5.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Final

from takeback.model.entry import Change, Op
from takeback.model.fingerprint import Algorithm
from takeback.wire.feed_v1 import record_bytes

WITHHELD_CONTEXT: Final = b"takeback/withheld/v1\n"


def withheld_text(name: Algorithm, partner_id: str, changes: Iterable[Change]) -> str:
    """The canonical text that is signed.

    Args:
        name: the list.
        partner_id: from whom they are withheld.
        changes: of one answer, in order; only those withheld are named.
    """
    records = hashlib.sha256()
    for change in changes:
        if change.op is Op.WITHHELD:
            records.update(record_bytes(change))
    shape = {"list": name.value, "partner": partner_id, "records": records.hexdigest()}
    return json.dumps(shape, sort_keys=True, separators=(",", ":"))
