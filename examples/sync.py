"""Pull the lists once and say where they stand. Usage: sync.py REGISTRY KEY FOLDER."""

import sys
from pathlib import Path

from takeback.client.feed import FeedClient
from takeback.client.list_store import ListStore
from takeback.client.partner_key import parse_partner_key

registry, key, folder = sys.argv[1:]
with ListStore(Path(folder)) as store, FeedClient.at(registry, parse_partner_key(key), store) as client:
    for result in client.sync_once():
        print(f"{result.list.value}: {result.count} entries at {result.seq}", flush=True)
