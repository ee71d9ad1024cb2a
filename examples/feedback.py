"""Say that every entry of a synced list was blocked. Usage: feedback.py REGISTRY KEY FOLDER LIST."""

import sys
from pathlib import Path

from takeback.client.feed import partner_http
from takeback.client.feedback import FeedbackSender
from takeback.client.list_store import ListStore
from takeback.client.partner_key import parse_partner_key
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Feedback, FeedbackValue

registry, key, folder, name = sys.argv[1:]
with ListStore(Path(folder)) as store, partner_http(registry, parse_partner_key(key)) as http:
    entries = store.entries(Algorithm(name))
    words = [Feedback(Algorithm(name), entry.entry_id, FeedbackValue.BLOCKED) for entry in entries][:1000]
    print(FeedbackSender(http).send_patiently(words), "accepted", flush=True)
