"""``takeback registry rotate-key`` and ``revoke-key``."""

from pathlib import Path
from typing import Annotated

import typer

from takeback.apps.registry_keys import Keys, revoke_key, rotate_key
from takeback.cli.output import console, print_json
from takeback.clock import SystemClock, day_of
from takeback.settings import RegistrySettings, load_settings

_DataDir = Annotated[Path | None, typer.Option(help="The registry's folder.", file_okay=False)]
_DatabaseUrl = Annotated[str | None, typer.Option(help="The registry's PostgreSQL, if it uses one.")]
_AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def attach_keys(registry: typer.Typer) -> None:
    """Add the commands."""
    registry.command("rotate-key", epilog="Example: takeback registry rotate-key --data-dir ./registry")(rotate_command)
    registry.command("revoke-key", epilog="Example: takeback registry revoke-key 0123456789abcdef")(revoke_command)


def rotate_command(
    data_dir: _DataDir = None,
    database_url: _DatabaseUrl = None,
    overlap_days: Annotated[int, typer.Option(min=0, max=365, help="Days the key before signs beside it.")] = 30,
    as_json: _AsJson = False,
) -> None:
    """Make a new key to sign lists with. The registry may be running; it notices.

    The key before says that this one follows, and signs beside it for some days. Partners' clients move over by
    themselves at their next sync; keys that partners have go on working.
    """
    settings = load_settings(RegistrySettings, data_dir=data_dir, database_url=database_url)
    _say(rotate_key(settings, SystemClock(), overlap_days), as_json=as_json)


def revoke_command(
    key_id: Annotated[str, typer.Argument(help="The former key's name, 16 digits.")],
    data_dir: _DataDir = None,
    database_url: _DatabaseUrl = None,
    as_json: _AsJson = False,
) -> None:
    """Declare a former signing key worth nothing, for example because somebody may have it.

    It signs no more at once. Clients that have moved over notice nothing; a partner whose client has not needs a new
    partner key: takeback partner rotate.
    """
    settings = load_settings(RegistrySettings, data_dir=data_dir, database_url=database_url)
    _say(revoke_key(settings, SystemClock(), key_id), as_json=as_json)


def _say(keys: Keys, *, as_json: bool) -> None:
    if as_json:
        former = [{"key_id": one.key_id, "signs_until": _until(one.retires_s, one.signer)} for one in keys.former]
        print_json({"key_id": keys.present, "former": former})
        return
    console().print(f"Lists are signed with the key [bold]{keys.present}[/].")
    for one in keys.former:
        until = _until(one.retires_s, one.signer)
        console().print(f"  {one.key_id} " + ("signs no more." if until is None else f"signs beside it until {until}."))


def _until(retires_s: int, signer: object | None) -> str | None:
    return None if signer is None else day_of(retires_s).isoformat()
