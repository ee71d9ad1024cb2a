"""The FastAPI application every face starts from: no documentation routes, no telemetry."""

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig


def bare_app(title: str) -> FastAPI:
    """An application without routes. ``app.openapi()`` works, but nothing serves it.

    FastAPI can report spans and "validation failures … including exception messages" to whatever OpenTelemetry
    provider the environment sets up. Those hold addresses and values, so it is off here, whatever the environment says.
    """
    return FastAPI(
        title=title,
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry=TelemetryConfig(tracing=False, metrics=False, logs=False, auto_configure=False),
    )
