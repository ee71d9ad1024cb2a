"""Follow the lists with asyncio until interrupted. Usage: follow.py REGISTRY KEY FOLDER."""

import asyncio
import sys
from pathlib import Path

from takeback.client.async_feed import AsyncFeedClient
from takeback.client.feed_steps import SyncRound
from takeback.client.list_store import ListStore
from takeback.client.partner_key import parse_partner_key


def tell(done: SyncRound) -> None:
    """What is new, and what was refused: the last good list stays in the store."""
    for result in done.results:
        print(f"{result.list.value}: +{result.added} -{result.removed}", flush=True)
    for refusal in done.refusals:
        print(f"{refusal.list.value}: {refusal.error.code}", flush=True)


async def main(registry: str, key: str, folder: str) -> None:
    with ListStore(Path(folder)) as store:
        async with AsyncFeedClient.at(registry, parse_partner_key(key), store) as client:
            await client.follow(interval_s=5, on_round=tell)


asyncio.run(main(*sys.argv[1:]))
