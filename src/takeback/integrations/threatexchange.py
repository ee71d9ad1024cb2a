"""An extension for python-threatexchange: its ``tx`` and Hasher-Matcher-Actioner take the native feed.

``takeback`` is the native feed, with everything the SDK refuses: a wrong signature, a fork, a rollback, an expired
head. The verified list lives in a folder of its own; what the program keeps besides is a copy that follows it,
withdrawals included. ``takeback_ncmec`` is the program's own NCMEC client with an address that can be chosen.

**Source:** docs/protocol/partner-shapes.md §5.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast
from urllib.parse import quote

from threatexchange.exchanges import auth, signal_exchange_api
from threatexchange.exchanges import fetch_state as state
from threatexchange.exchanges.collab_config import CollaborationConfigWithDefaults
from threatexchange.exchanges.impl.ncmec_api import NCMECCredentials, NCMECSignalExchangeAPI
from threatexchange.extensions.manifest import ThreatExchangeExtensionManifest
from threatexchange.signal_type.md5 import VideoMD5Signal
from threatexchange.signal_type.pdq.signal import PdqSignal
from threatexchange.signal_type.sha256 import VideoSHA256Signal
from threatexchange.signal_type.signal_base import SignalType

from takeback.client.feed import FeedClient, partner_http
from takeback.client.feedback import FeedbackSender
from takeback.client.list_store import FILE_NAME, ListStore
from takeback.client.partner_key import PartnerKey, parse_partner_key
from takeback.errors import NotAllowedError, NotFoundError
from takeback.model.entry import Change
from takeback.model.fingerprint import Algorithm
from takeback.model.lead import Feedback, FeedbackValue

_CHUNK = 10_000
"""Changes in one delta: the program may commit after each."""

_SIGNALS: dict[Algorithm, type[SignalType]] = {
    Algorithm.PDQ: PdqSignal,
    Algorithm.MD5: VideoMD5Signal,
    Algorithm.SHA256: VideoSHA256Signal,
}
_WORDS = {
    state.SignalOpinionCategory.POSITIVE_CLASS: FeedbackValue.BLOCKED,
    state.SignalOpinionCategory.NEGATIVE_CLASS: FeedbackValue.NOT_BLOCKED,
    state.SignalOpinionCategory.INVESTIGATION_SEED: FeedbackValue.PENDING_REVIEW,
}


@dataclass
class TakebackCheckpoint(state.FetchCheckpointBase):
    """How far the program's copy has followed the verified list.

    Args:
        folder: where the verified list is.
        seqs: by list, up to which change it was handed over.
        issued_s: when the registry last vouched for it, Unix seconds; never goes back.
    """

    folder: str
    seqs: dict[str, int]
    issued_s: int

    def is_stale(self) -> bool:
        """Whether the verified list is gone or older than the copy: then the program starts again from nothing."""
        folder = Path(self.folder)
        if not (folder / FILE_NAME).is_file():
            return True
        with ListStore(folder) as store:
            return any(store.state(Algorithm(name)).applied.seq < seq for name, seq in self.seqs.items())

    def get_progress_timestamp(self) -> int | None:
        """When the registry last vouched for what was handed over."""
        return self.issued_s


@dataclass
class TakebackRecord:
    """One live entry.

    Args:
        list: its list's name.
        entry_id: 32 hexadecimal digits.
        value: the fingerprint. Sensitive.
    """

    list: str
    entry_id: str
    value: str = field(repr=False)


@dataclass
class TakebackMetadata(state.FetchedSignalMetadata):
    """What a match shows.

    Args:
        entries: the entries that have this value, as ``list/entry id``.
    """

    entries: list[str]

    def get_as_opinions(self) -> Sequence[state.SignalOpinion]:
        """A person asked for it to be looked for; whether it is what they say, a reviewer decides."""
        return [state.SignalOpinion(False, state.SignalOpinionCategory.INVESTIGATION_SEED, set(self.entries))]


@dataclass
class _TakebackRequired:
    registry: str = field(metadata={"help": "the registry's address, such as https://registry.example.org"})


@dataclass
class TakebackCollabConfig(CollaborationConfigWithDefaults, _TakebackRequired):
    """Which registry, and where its verified list is kept."""

    api: str = field(init=False, default="takeback")
    store: str = field(
        default="", metadata={"help": "folder for the verified list; by default one below ~/.takeback/threatexchange"}
    )

    def folder(self) -> Path:
        """Where the verified list is kept."""
        if self.store:
            return Path(self.store).expanduser()
        return Path.home() / ".takeback" / "threatexchange" / quote(self.name, safe="")


@dataclass
class TakebackCredentials(auth.CredentialHelper):
    """A partner key."""

    ENV_VARIABLE: ClassVar[str] = "TX_TAKEBACK_KEY"
    FILE_NAME: ClassVar[str] = "~/.tx_takeback_key"

    key: str = field(repr=False, metadata={"help": "the partner key, tb1_…"})

    @classmethod
    def _from_str(cls, s: str) -> "TakebackCredentials":
        return cls(s.strip())

    def _are_valid(self) -> bool:
        return self.key.startswith("tb1_")


_Delta = state.FetchDelta[str, TakebackRecord, TakebackCheckpoint]


class TakebackSignalExchangeAPI(
    auth.SignalExchangeWithAuth[TakebackCollabConfig, TakebackCredentials],
    signal_exchange_api.SignalExchangeAPI[
        TakebackCollabConfig, TakebackCheckpoint, TakebackMetadata, str, TakebackRecord
    ],
):
    """The native feed of a registry, verified.

    Args:
        collab: which registry.
        key: the partner's key.
    """

    def __init__(self, collab: TakebackCollabConfig, key: PartnerKey) -> None:
        super().__init__()
        self.collab = collab
        self._key = key

    @classmethod
    def get_name(cls) -> str:
        """Its name in ``tx config collab edit``."""
        return "takeback"

    @classmethod
    def for_collab(
        cls, collab: TakebackCollabConfig, credentials: TakebackCredentials | None = None
    ) -> "TakebackSignalExchangeAPI":
        """One for a configuration, with the key from the environment or its file if none is given."""
        found = credentials or TakebackCredentials.get(cls)
        return cls(collab, parse_partner_key(found.key))

    @staticmethod
    def get_config_cls() -> type[TakebackCollabConfig]:
        """The configuration's class."""
        return TakebackCollabConfig

    @staticmethod
    def get_checkpoint_cls() -> type[TakebackCheckpoint]:
        """The checkpoint's class."""
        return TakebackCheckpoint

    @staticmethod
    def get_record_cls() -> type[TakebackMetadata]:
        """The class of what a match shows."""
        return TakebackMetadata

    @staticmethod
    def get_credential_cls() -> type[TakebackCredentials]:
        """The credentials' class."""
        return TakebackCredentials

    def fetch_iter(
        self, supported_signal_types: Sequence[type[SignalType]], checkpoint: TakebackCheckpoint | None
    ) -> Iterator[_Delta]:
        """Bring the verified list up to date, then hand over what is new in it.

        Raises:
            ProtocolViolationError: a refusal of feed-v1 §5; the program goes on with what it has.
            NotAllowedError: the key is not known, or for none of the lists that the program can match.
            UnavailableError: the registry cannot be reached.
        """
        folder = self.collab.folder()
        wanted = [name for name, signal in _SIGNALS.items() if signal in supported_signal_types]
        with ListStore(folder) as store, FeedClient.at(self.collab.registry, self._key, store) as client:
            lists = _sync(client, wanted)
            heads = [head for name in lists if (head := store.state(name).head) is not None]
            issued_s = max([checkpoint.issued_s if checkpoint else 0, *(head.issued for head in heads)])
            seqs = dict(checkpoint.seqs) if checkpoint else {}
            for name in lists:
                changes = store.changes_after(name, seqs.get(name.value, 0))
                while chunk := list(islice(changes, _CHUNK)):
                    seqs = {**seqs, name.value: chunk[-1].seq}
                    yield _Delta(dict(map(_update, chunk)), TakebackCheckpoint(str(folder), seqs, issued_s))
            yield _Delta({}, TakebackCheckpoint(str(folder), seqs, issued_s))

    @classmethod
    def naive_convert_to_signal_type(
        cls,
        signal_types: Sequence[type[SignalType]],
        collab: TakebackCollabConfig,  # noqa: ARG003 - the interface has it
        fetched: Mapping[str, TakebackRecord],
    ) -> dict[type[SignalType], dict[str, TakebackMetadata]]:
        """What the program's index is built from."""
        converted: dict[type[SignalType], dict[str, TakebackMetadata]] = {}
        for record in fetched.values():
            signal = _SIGNALS[Algorithm(record.list)]
            if signal in signal_types:
                metadata = converted.setdefault(signal, {}).setdefault(record.value, TakebackMetadata([]))
                metadata.entries.append(f"{record.list}/{record.entry_id}")
        return converted

    def report_opinion(self, s_type: type[SignalType], signal: str, opinion: state.SignalOpinion) -> None:
        """Tell the registry: positive is ``Blocked``, negative ``NotBlocked``, anything else ``PendingReview``.

        Raises:
            NotFoundError: ``entry.unknown`` if the value is on no verified list here.
        """
        name = next((name for name, known in _SIGNALS.items() if known is s_type), None)
        with ListStore(self.collab.folder()) as store:
            entries = [] if name is None else [one.entry_id for one in store.entries(name) if one.value == signal]
        if name is None or not entries:
            raise NotFoundError("entry.unknown", "This signal is on none of the lists that were fetched.")
        with partner_http(self.collab.registry, self._key) as http:
            FeedbackSender(http).send([Feedback(name, one, _WORDS[opinion.category]) for one in entries])


def _sync(client: FeedClient, wanted: Sequence[Algorithm]) -> list[Algorithm]:
    """Bring every wanted list up to date that the key is for; which those are."""
    done: list[Algorithm] = []
    refusal: NotAllowedError | None = None
    for name in wanted:
        try:
            client.sync_list(name)
        except NotAllowedError as error:
            if error.code != "partner.not_entitled":
                raise
            refusal = error
        else:
            done.append(name)
    if refusal is not None and not done:
        raise refusal
    return done


def _update(change: Change) -> tuple[str, TakebackRecord | None]:
    key = f"{change.list.value}/{change.entry_id}"
    return key, None if change.value is None else TakebackRecord(change.list.value, change.entry_id, change.value)


@dataclass
class _NcmecRequired:
    base_url: str = field(metadata={"help": "the registry's address and /ncmec: https://registry.example.org/ncmec"})


@dataclass
class TakebackNcmecCollabConfig(CollaborationConfigWithDefaults, _NcmecRequired):
    """Where an NCMEC-shaped list is."""

    api: str = field(init=False, default="takeback_ncmec")
    only_esp_ids: set[int] = field(default_factory=set, metadata={"help": "only entries of these members"})

    @property
    def environment(self) -> SimpleNamespace:
        """What stands in the place of NCMEC's own addresses."""
        return SimpleNamespace(value=self.base_url.rstrip("/"))


class TakebackNcmecSignalExchangeAPI(NCMECSignalExchangeAPI):
    """The program's own NCMEC client, unchanged, at an address that can be chosen."""

    @classmethod
    def get_name(cls) -> str:
        """Its name in ``tx config collab edit``."""
        return "takeback_ncmec"

    @classmethod
    def for_collab(
        cls,
        collab: Any,  # noqa: ANN401 - the parent's type names NCMEC's own configuration
        credentials: NCMECCredentials | None = None,
    ) -> "TakebackNcmecSignalExchangeAPI":
        """One for a configuration; user and password as for NCMEC (``TX_NCMEC_CREDENTIALS``)."""
        found = credentials or NCMECCredentials.get(cls)
        return cls(collab, found.user, found.password)

    @staticmethod
    def get_config_cls() -> Any:  # noqa: ANN401 - as above
        """The configuration's class."""
        return TakebackNcmecCollabConfig


TX_MANIFEST = ThreatExchangeExtensionManifest(
    apis=cast("Any", (TakebackSignalExchangeAPI, TakebackNcmecSignalExchangeAPI))
)
