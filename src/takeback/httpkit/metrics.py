"""Figures for monitoring, in the format Prometheus reads, with nothing in them that says who or exactly when.

Labels are a closed set: a face of the service, a class of answers, a list. No path, address, partner or value. What
people's devices ask is counted but shown only in steps: a counter that a monitor reads every few seconds would say
when somebody submitted, to the second, and keep it for years. So ``publish`` moves it on, once a batch.
"""

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Face(StrEnum):
    """Whom a route is for."""

    PERSON = "person"
    PARTNER = "partner"
    OPERATOR = "operator"
    PAGE = "page"
    PROBE = "probe"


_IN_STEPS = (Face.PERSON, Face.PAGE)
"""Faces that people's devices look at."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """One number that is asked for when monitoring looks.

    Args:
        name: without prefix.
        about: for people.
        label: the label's name; ``None`` for a single number.
        read: the numbers by label value; the key of a single one is the empty string.
    """

    name: str
    about: str
    label: str | None
    read: Callable[[], Mapping[str, float]]


@dataclass(slots=True)
class _Counted:
    """What requests came to: how many by face and class of answer, and how long those of a face took."""

    answers: Counter[tuple[Face, str]]
    slots: dict[Face, list[int]]
    seconds: dict[Face, float]

    @classmethod
    def nothing(cls) -> "_Counted":
        return cls(Counter(), {face: [0] * (len(_BOUNDS_S) + 1) for face in Face}, dict.fromkeys(Face, 0.0))

    def take(self, other: "_Counted") -> None:
        self.answers.update(other.answers)
        for face in Face:
            self.slots[face] = [a + b for a, b in zip(self.slots[face], other.slots[face], strict=True)]
            self.seconds[face] += other.seconds[face]


class Metrics:
    """Counts requests, and gives what monitoring may see.

    Args:
        prefix: of every name, such as ``takeback_registry``.
        gauges: further numbers.
    """

    def __init__(self, prefix: str, gauges: Iterable[Gauge] = ()) -> None:
        self._prefix = prefix
        self._gauges = tuple(gauges)
        self._shown = _Counted.nothing()
        self._held_back = _Counted.nothing()
        self._gate = threading.Lock()
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def note(self, face: Face, status: int, seconds: float) -> None:
        """Count an answer."""
        with self._gate:
            counted = self._held_back if face in _IN_STEPS else self._shown
            counted.answers[face, f"{status // 100}xx"] += 1
            counted.slots[face][bisect_left(_BOUNDS_S, seconds)] += 1
            counted.seconds[face] += seconds

    def publish(self) -> None:
        """Show what people's devices have asked up to now. Called once a batch."""
        with self._gate:
            self._shown.take(self._held_back)
            self._held_back = _Counted.nothing()

    def text(self) -> bytes:
        """All of it, as monitoring reads it."""
        return generate_latest(self._registry)

    def collect(self) -> Iterable[Metric]:
        """What prometheus_client asks a collector for."""
        yield from self._requests()
        for gauge in self._gauges:
            yield self._family(gauge)

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that gauges are not read when they are registered."""
        return ()

    def _requests(self) -> Iterable[Metric]:
        answers = CounterMetricFamily(f"{self._prefix}_requests", "Requests answered.", labels=("face", "status"))
        times = HistogramMetricFamily(f"{self._prefix}_request_seconds", "How long answers took.", labels=("face",))
        with self._gate:
            for (face, status), count in sorted(self._shown.answers.items()):
                answers.add_metric((face.value, status), count)
            for face, slots in self._shown.slots.items():
                running = [sum(slots[: i + 1]) for i in range(len(slots))]
                bounds = [*map(str, _BOUNDS_S), "+Inf"]
                times.add_metric((face.value,), list(zip(bounds, running, strict=True)), self._shown.seconds[face])
        return answers, times

    def _family(self, gauge: Gauge) -> Metric:
        labels = () if gauge.label is None else (gauge.label,)
        family = GaugeMetricFamily(f"{self._prefix}_{gauge.name}", gauge.about, labels=labels)
        for value, number in gauge.read().items():
            family.add_metric((value,) if labels else (), number)
        return family


class Metered:
    """Counts every request that passes.

    Args:
        app: what answers.
        metrics: where they are counted.
        face_of: whom a path is for; the path itself is not kept.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, face_of: Callable[[str], Face]) -> None:
        self._app = app
        self._metrics = metrics
        self._face_of = face_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and note how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        started_s = time.perf_counter()

        async def noting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        finally:
            self._metrics.note(self._face_of(scope["path"]), status, time.perf_counter() - started_s)


def metrics_app(metrics: Metrics) -> Starlette:
    """What a listener of its own serves: ``GET /metrics`` and nothing else. It is not for the public."""

    def show(_request: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE, headers={"cache-control": "no-store"})

    return Starlette(routes=[Route("/metrics", show)])
