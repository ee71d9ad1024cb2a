"""Settings: read once at start from a TOML file, the environment (``TAKEBACK_<NAME>``) and flags; flags win.

All problems are reported together. Only cli and apps build these; every other room is handed plain values. Secrets are
``SecretStr`` and print as asterisks.
"""

import os
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from takeback.errors import InvalidInputError

_SETTINGS_FILE = "TAKEBACK_SETTINGS"


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TAKEBACK_", frozen=True, extra="ignore")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base class passes it by name
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base class passes it by name
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment, then the file named by ``TAKEBACK_SETTINGS``."""
        file = os.environ.get(_SETTINGS_FILE)
        from_file = TomlConfigSettingsSource(settings_cls, Path(file)) if file else None
        return (init_settings, env_settings, from_file) if from_file else (init_settings, env_settings)


class RegistrySettings(_Settings):
    """What the registry and its feed can be told."""

    data_dir: Path
    database_url: str | None = None
    host: str = "127.0.0.1"
    port: int = Field(8100, ge=0, le=65535)
    batch_interval_s: float = Field(60.0, gt=0, description="how long a submission waits in intake at most")
    batch_min_cases: int = Field(
        5, ge=1, description="a batch of fewer cases waits for company and is topped up with decoys; 1 does neither"
    )
    batch_longest_wait_min: float | None = Field(
        None, ge=0, description="minutes a case waits for company at most; five batch intervals if not set"
    )
    canaries: int = Field(
        44, ge=0, le=1000, description="made-up files whose fingerprints one partner alone is told, at most; 0 for none"
    )
    withdrawal_delay_days: int = Field(
        0, ge=0, le=365, description="days a withdrawal waits, in which the receipt can undo it"
    )
    hold_lifetime_days: int | None = Field(
        None, ge=91, le=36500, description="days a fingerprint stays at least unless renewed; not set: for ever"
    )
    adult_cases: bool = Field(False, description="accept pictures of adults; otherwise they are pointed elsewhere")
    unknown_case_tries_per_min: int = Field(
        600, ge=1, description="receipts that open nothing answered in a minute, by everybody together"
    )
    head_ttl_s: int = Field(3600, ge=60, description="how long a signed head stays valid")
    max_body_bytes: int = Field(65536, ge=4096, description="largest request body; case-v1 needs 65536")
    max_in_flight: int = Field(64, ge=1, description="requests worked on at the same time; more wait or get a 503")
    console: bool = Field(True, description="whether the operator's console is served")
    console_origin: str | None = Field(None, description="the console's address, https://registry.example")
    console_idle_s: int = Field(1800, ge=60, description="a session ends after so long without a request")
    console_session_s: int = Field(28800, ge=60, description="a session ends after so long, whatever happens")
    console_sessions: int = Field(3, ge=1, description="sessions an operator may have; the oldest gives way")
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(None, ge=0, le=65535, description="port of /metrics; none unless set")
    public_url: str | None = Field(None, description="where partners reach it, for what 'partner add' prints")
    registry_name: str = Field("Takeback registry", min_length=1, description="its name in the NCMEC shape")
    ncmec_page_entries: int = Field(100_000, ge=1, le=400_000, description="most entries in one NCMEC answer")
    key_overlap_days: int = Field(7, ge=0, le=365, description="how long a rotated partner key stays good")
    partner_requests_per_minute: int = Field(600, ge=1, description="per partner, unless it has its own limit")
    partner_burst: int = Field(1_200, ge=1, description="requests of one partner at once, after a quiet time")
    match_service: bool = Field(False, description="whether partners may ask about fingerprints (/match/v1)")
    trusted_proxies: str = Field("", description="networks whose X-Forwarded-For is believed, for partners only")
    max_fingerprints: int = Field(200, ge=1, le=200, description="fingerprints in one submission")
    max_files: int = Field(100, ge=1, le=200, description="of those, of any one kind but PDQ: as many files")
    proof_guesses: int = Field(
        1500, ge=0, le=100_000, description="most guesses of a submission's puzzle while it is quiet; 0 asks for none"
    )
    proof_rounds: int = Field(1000, ge=1, le=100_000, description="PBKDF2 rounds of a guess")
    proof_ttl_s: int = Field(1200, ge=60, le=86_400, description="how long a puzzle is good for")
    proof_trip_per_minute: int = Field(60, ge=1, description="submissions in a minute that make the puzzle harder")
    proof_factor: float = Field(2.0, ge=1, le=10, description="how much harder, each time")
    proof_max_steps: int = Field(6, ge=0, le=16, description="how many times at most")
    questions_per_minute: int = Field(
        1200, ge=1, description="questions about holds in a minute, everybody's together; more only with a puzzle"
    )
    guard_radius_bits: int = Field(31, ge=0, le=60, description="a PDQ so near to the guard list waits for a person")
    quarantine_quorum: int = Field(3, ge=1, description="partners that say NotBlocked before an entry is quarantined")
    flood_words_per_day: int = Field(1000, ge=1, description="words of feedback on a day that quarantine an entry")
    max_waiting: int = Field(1024, ge=1, description="questions for news that partners may have open")
    snapshot_min_changes: int = Field(10_000, ge=1, description="a list with a shorter log needs no snapshot")
    feed_keep_days: int = Field(30, ge=1, description="days an entry's value stays in the log after it was removed")


class PlatformSettings(_Settings):
    """What the platform kit can be told."""

    data_dir: Path
    registry: str
    key: SecretStr
    host: str = "127.0.0.1"
    port: int = Field(8101, ge=0, le=65535)
    sync_interval_s: float = Field(5.0, gt=0, description="pause between two looks at the feed")
    deadline_h: float = Field(48.0, gt=0, description="hours until a lead should be decided")
    index_save_changes: int = Field(
        10_000, ge=1, description="changes after which the index is saved for the next start"
    )
    index_save_s: float = Field(3600.0, ge=0, description="seconds between two savings of the index at least")
    lookback_days: int = Field(30, ge=0, le=3650, description="days a content is looked back at; 0 remembers nothing")
    lookback_max_mb: int = Field(4096, ge=1, description="megabytes remembered; the oldest contents go first")
    lookback_max_content_kb: int = Field(8192, ge=1, description="kilobytes of one content; larger is not remembered")
    lookback_deadline_h: float = Field(24.0, gt=0, description="hours to decide about what was on the site already")
    max_picture_bytes: int = Field(32 * 1024 * 1024, ge=1024, description="largest picture that is checked")
    check_workers: int = Field(2, ge=1, description="threads that decode and hash pictures")
    stills: bool = Field(True, description="queue a picture that is a frame of a listed video for a look")
    max_video_bytes: int = Field(2 * 1024**3, ge=1024, description="largest video that is checked")
    video_workers: int = Field(1, ge=1, description="processes that decode and hash videos")
    first_look: bool = Field(
        False, description="look at a long video here and there first; looking back then finds less of it"
    )
    video_deadline_s: float = Field(600.0, gt=0, description="seconds one video may take")
    body_timeout_s: float = Field(300.0, gt=0, description="seconds in which a request's body has to arrive")


class SampleSettings(_Settings):
    """What the sample platform can be told."""

    kit: str
    kit_token: SecretStr
    host: str = "127.0.0.1"
    port: int = Field(8102, ge=0, le=65535)


AnySettings = TypeVar("AnySettings", bound=_Settings)


def load_settings(kind: type[AnySettings], **flags: object) -> AnySettings:
    """Build settings; a flag that is ``None`` was not given.

    Raises:
        InvalidInputError: ``settings.invalid``, naming every setting that is wrong and why.
    """
    try:
        given: dict[str, Any] = {name: value for name, value in flags.items() if value is not None}
        return kind(**given)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise InvalidInputError("settings.invalid", f"These settings cannot be used: {problems}") from None
    except (OSError, ValueError) as error:
        raise InvalidInputError("settings.invalid", f"The settings file cannot be read: {error}") from None
