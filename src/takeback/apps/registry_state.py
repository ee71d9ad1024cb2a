"""A registry's database and signing keys, opened. What serves and what the command line does both begin here."""

from sqlalchemy import Engine

from takeback.clock import Clock
from takeback.db import open_database, sqlite_url
from takeback.errors import UnavailableError
from takeback.exchange.keyring import Keyring
from takeback.settings import RegistrySettings

DATABASE_FILE = "registry.db"


def open_registry_state(settings: RegistrySettings, clock: Clock) -> tuple[Engine, Keyring]:
    """Open a registry's database and its signing keys.

    Raises:
        TakebackError: one of them cannot be opened.
    """
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableError(
            "registry.data_dir", f"The data directory {settings.data_dir} cannot be made ({error.strerror})."
        ) from None
    signer = Keyring(settings.data_dir / "keys", clock)
    url = settings.database_url or sqlite_url(settings.data_dir / DATABASE_FILE)
    return open_database(url, "registry"), signer
