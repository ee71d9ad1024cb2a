"""The peer of ``bench registry``: the plainest endpoint that keeps what it is sent, as durably as the registry does.

FastAPI, a Pydantic shape, one SQLAlchemy insert and one commit a request; nothing is checked, batched or hidden.
``python registry_bare.py DATABASE_URL`` serves it on a free port and prints the URL.
"""

import sqlite3
import sys
from typing import Any

import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import event

BODIES = sa.Table(
    "bodies", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("body", sa.Text, nullable=False)
)


class Submission(BaseModel):
    """As much of a submission as it looks at."""

    case_id: str
    sealed: str
    fingerprints: list[dict[str, Any]]


def bare_app(database_url: str) -> FastAPI:
    engine = sa.create_engine(database_url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def as_durable_as_ours(connection: sqlite3.Connection, _record: object) -> None:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 10000"):
                connection.execute(f"PRAGMA {pragma}")

    BODIES.metadata.create_all(engine)
    app = FastAPI()

    @app.post("/v1/cases", status_code=202)
    def submit(body: Submission) -> dict[str, str]:
        with engine.begin() as connection:
            connection.execute(sa.insert(BODIES), {"body": body.model_dump_json()})
        return {"state": "being_added"}

    return app


class _Telling(uvicorn.Server):
    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        print(f"http://127.0.0.1:{port}", flush=True)


if __name__ == "__main__":
    _Telling(uvicorn.Config(bare_app(sys.argv[1]), host="127.0.0.1", port=0, log_config=None, access_log=False)).run()
