"""Puts the platform kit together: the lists and the engine, the leads, the review page and the way back.

The kit knows the registry by its feed only. ``python -m takeback.apps.platform`` serves it.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from fastapi import FastAPI
from sqlalchemy import Engine

from takeback import hashing, matching
from takeback.client.feed import FeedClient, partner_http
from takeback.client.feedback import FeedbackSender
from takeback.client.list_store import ListStore
from takeback.client.partner_key import parse_partner_key
from takeback.clock import Clock, SystemClock
from takeback.db import GroupWriter, open_database, reading, sqlite_url
from takeback.errors import TakebackError
from takeback.hashing import Limits, VideoHasher, VideoLimits, preview_of, query_fingerprints_of, reencoded
from takeback.httpkit.application import bare_app
from takeback.httpkit.headers import SecurityHeaders
from takeback.httpkit.limits import BodyLimit, InFlightLimit
from takeback.httpkit.logs import EventLog, open_log
from takeback.httpkit.pages import mount_page
from takeback.httpkit.problem import install_problem_handlers
from takeback.httpkit.serve import run
from takeback.matching import MatchEngine, Policy
from takeback.platform import store
from takeback.platform.arriving import ArrivalLimits
from takeback.platform.checking import CheckService
from takeback.platform.decision_bell import DecisionBell
from takeback.platform.filmstrip import FilmstripCache
from takeback.platform.finds import Finds
from takeback.platform.held import HeldFiles
from takeback.platform.http import PlatformFace, platform_router
from takeback.platform.index_file import IndexFile
from takeback.platform.keys import PlatformKeys
from takeback.platform.lists import ListFollower
from takeback.platform.look_back import LookBack, LookBackThread
from takeback.platform.memory import Memory
from takeback.platform.ownership import DataDirLock
from takeback.platform.pool import PicturePool
from takeback.platform.reporting import FeedbackReporter
from takeback.platform.review import ReviewService
from takeback.platform.sessions import ReviewSessions
from takeback.settings import PlatformSettings, load_settings

_MAX_BODY_BYTES: Final = 64 * 1024
_MAX_IN_FLIGHT: Final = 256
_PICTURES_A_WORKER: Final = 8
"""Pictures in memory for each thread that works on them; more are refused with 503 before they are read."""

_PREVIEW_LONG_SIDE_PX: Final = 256
_STILL_LONG_SIDE_PX: Final = 960


@dataclass(slots=True)
class Platform:
    """A kit that is put together. Use it in a ``with``: threads start there and the files are closed at its end.

    Args:
        app: what answers HTTP.
        keys: its secrets; the platform's software and the reviewers need one each.
    """

    app: FastAPI = field(repr=False)
    keys: PlatformKeys
    _face: PlatformFace = field(repr=False)
    _reporter: FeedbackReporter = field(repr=False)
    _looking_back: LookBackThread = field(repr=False)
    _log: EventLog = field(repr=False)
    _opened: ExitStack = field(default_factory=ExitStack, init=False, repr=False)

    def start(self) -> None:
        """Start following the list and sending feedback."""
        self._face.pool.start(partial(_warm_up, self._log))
        self._looking_back.start()
        self._face.follower.start()
        self._reporter.start()

    def keep_open(self, opened: ExitStack) -> None:
        """Take over what has to be closed at the end."""
        self._opened = opened

    def close(self) -> None:
        """Let waiting requests go, end the threads and close the files. May be called twice."""
        self._opened.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def build_platform(settings: PlatformSettings, clock: Clock | None = None, log: EventLog | None = None) -> Platform:
    """Put a kit together.

    Args:
        settings: what it is told.
        clock: the time; the machine's if not given.
        log: where notices go; standard error if not given.

    Raises:
        InvalidInputError: ``partner.key_format`` or ``registry.address``.
        UnavailableError: the data directory or the database cannot be used; ``platform.in_use`` if another kit uses it.
        CorruptDataError: a file in the data directory is damaged.
    """
    with ExitStack() as opened:
        platform = _put_together(settings, clock or SystemClock(), log or open_log(), opened)
        platform.keep_open(opened.pop_all())
        return platform


def _put_together(settings: PlatformSettings, clock: Clock, log: EventLog, opened: ExitStack) -> Platform:
    """Open everything, each with its way to close it in ``opened``: the last to be opened is the first to be closed."""
    partner_key = parse_partner_key(settings.key.get_secret_value())
    http = opened.enter_context(partner_http(settings.registry, partner_key))
    keys = PlatformKeys.in_folder(settings.data_dir)
    opened.callback(DataDirLock(settings.data_dir).release)
    lists = opened.enter_context(ListStore(settings.data_dir / "list"))
    engine = open_database(sqlite_url(settings.data_dir / "platform.sqlite3"), "platform")
    opened.callback(engine.dispose)
    writer = GroupWriter(engine)
    opened.callback(writer.close)
    pool = PicturePool(settings.check_workers, settings.check_workers * _PICTURES_A_WORKER)
    opened.callback(pool.close)
    hasher = opened.enter_context(_video_hasher(settings))
    videos = PicturePool(settings.video_workers + 1, settings.video_workers * _PICTURES_A_WORKER)
    opened.callback(videos.close)
    reporter = FeedbackReporter(FeedbackSender(http), store.SqlOutbox(engine, writer), log)
    opened.callback(reporter.stop)
    index = MatchEngine(Policy() if settings.stills else Policy(still_radius_bits=None))
    feed = FeedClient(http, partner_key, lists, clock)
    bell = _bell(engine)
    opened.callback(bell.close)
    memory = Memory(
        key=keys.memory_key,
        keep_days=settings.lookback_days,
        max_content_bytes=settings.lookback_max_content_kb * 1024,
        max_total_bytes=settings.lookback_max_mb * 1024 * 1024,
    )
    finds = Finds(writer, bell, reporter, clock, round(settings.lookback_deadline_h * 3600))
    look_back = LookBack(engine, writer, memory, lists, index, finds, clock, log)
    looking_back = LookBackThread(look_back, log)
    opened.callback(looking_back.stop)
    index_file = IndexFile(
        settings.data_dir / "index", index, lists, settings.index_save_changes, settings.index_save_s, log
    )
    follower = ListFollower(
        feed, lists, index, settings.sync_interval_s, log, index_file=index_file, on_move=looking_back.lists_moved
    )
    opened.callback(follower.stop)

    held = _held_files(settings, engine)
    limits = Limits(max_bytes=settings.max_picture_bytes)
    checks = CheckService(
        engine=engine,
        writer=writer,
        keys=keys,
        held=held,
        follower=follower,
        index=index,
        hash_picture=lambda picture, regions: query_fingerprints_of(picture, limits, regions=regions),
        hash_video=lambda video, regions: hasher.query_of(
            video, regions=regions, is_near=index.is_near_a_video if settings.first_look else None
        ),
        memory=memory,
        reporter=reporter,
        clock=clock,
        deadline_s=round(settings.deadline_h * 3600),
    )
    review = ReviewService(
        engine=engine,
        writer=writer,
        held=held,
        follower=follower,
        reporter=reporter,
        bell=bell,
        preview=partial(preview_of, long_side_px=_PREVIEW_LONG_SIDE_PX, blur=True, limits=limits),
        reencode=partial(reencoded, limits=limits),
        stills=partial(_stills, hasher),
        strips=FilmstripCache(),
        clock=clock,
    )
    sessions = ReviewSessions(keys.review_code, clock)
    face = PlatformFace(
        api_token=keys.api_token.encode(),
        checks=checks,
        review=review,
        sessions=sessions,
        follower=follower,
        look_back=look_back,
        bell=bell,
        pool=pool,
        videos=videos,
        held=held,
        limits=ArrivalLimits(settings.max_picture_bytes, settings.max_video_bytes),
        clock=clock,
    )
    return Platform(_app(face, settings, log), keys, face, reporter, looking_back, log)


def serve(settings: PlatformSettings, on_ready: Callable[[str], None] | None = None) -> None:
    """Run a kit until a signal ends it.

    Args:
        settings: what it is told.
        on_ready: called once with the URL.

    Raises:
        TakebackError: as :func:`build_platform`, and ``serve.…`` if it cannot listen.
    """
    log = open_log()
    with build_platform(settings, log=log) as platform:
        run(platform.app, settings.host, settings.port, log, on_ready)


def _warm_up(log: EventLog) -> None:
    """Compile, or load, every kernel. The first start on a machine takes some seconds, so it says what it does."""
    log.info("kernels.preparing", detail="pictures")
    hashing.warm_up()
    matching.warm_up(lambda step: log.info("kernels.preparing", detail=step))
    log.info("kernels.ready")


def _app(face: PlatformFace, settings: PlatformSettings, log: EventLog) -> FastAPI:
    app = bare_app("Takeback platform kit")
    install_problem_handlers(app, log)
    app.include_router(platform_router(face))
    mount_page(app, "review", at="/review/")
    largest = max(settings.max_picture_bytes, settings.max_video_bytes)
    app.add_middleware(
        BodyLimit,
        max_body_bytes=_MAX_BODY_BYTES,
        by_prefix={"/v1/check": largest, "/v1/copies/": largest},
        body_timeout_s=settings.body_timeout_s,
    )
    app.add_middleware(InFlightLimit, max_in_flight=_MAX_IN_FLIGHT)
    app.add_middleware(SecurityHeaders)
    return app


def _video_hasher(settings: PlatformSettings) -> VideoHasher:
    limits = VideoLimits(max_bytes=settings.max_video_bytes, deadline_s=settings.video_deadline_s)
    return VideoHasher(limits, settings.video_workers)


def _stills(hasher: VideoHasher, path: Path, times_s: Sequence[float], blur: bool) -> list[bytes]:
    side_px = _PREVIEW_LONG_SIDE_PX if blur else _STILL_LONG_SIDE_PX
    return hasher.stills_of(path, times_s, long_side_px=side_px, blur=blur)


def _held_files(settings: PlatformSettings, engine: Engine) -> HeldFiles:
    """The held files, without what a crash may have left: files that no open lead needs."""
    held = HeldFiles(settings.data_dir / "held")
    with reading(engine) as connection:
        held.erase_all_but(store.open_lead_ids(connection))
    return held


def _bell(engine: Engine) -> DecisionBell:
    with reading(engine) as connection:
        return DecisionBell(store.last_notice_seq(connection))


if __name__ == "__main__":
    try:
        serve(load_settings(PlatformSettings), lambda url: print(url, flush=True))  # noqa: T201 - its one line of output
    except TakebackError as error:
        sys.exit(f"{error.message} ({error.code})")
