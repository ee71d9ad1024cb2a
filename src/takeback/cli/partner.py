"""``takeback partner``: who may pull the lists, and with which key."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from takeback.apps.registry import open_partners
from takeback.cli.output import console, print_json
from takeback.clock import SystemClock
from takeback.errors import InvalidInputError
from takeback.exchange.partners import DEFAULT_LISTS, IssuedKey, PartnerService
from takeback.exchange.types import Partner
from takeback.model.fingerprint import Algorithm
from takeback.settings import RegistrySettings, load_settings

_DataDir = Annotated[Path | None, typer.Option(help="The registry's folder.", file_okay=False)]
_DatabaseUrl = Annotated[str | None, typer.Option(help="The registry's PostgreSQL, if it uses one.")]
_AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
_PartnerId = Annotated[str, typer.Argument(help="The partner's id, as 'partner list' shows it.")]


def attach(app: typer.Typer) -> None:
    """Add the commands."""
    partner = typer.Typer(help="Who may pull the lists, and with which key.", no_args_is_help=True)
    partner.command("add", epilog='Example: takeback partner add "Example Site" --data-dir ./registry')(add_command)
    partner.command("list", epilog="Example: takeback partner list --data-dir ./registry")(list_command)
    partner.command("scope", epilog="Example: takeback partner scope 0123456789abcdef --lists pdq,md5")(scope_command)
    partner.command("rotate", epilog="Example: takeback partner rotate 0123456789abcdef --data-dir ./registry")(
        rotate_command
    )
    partner.command("revoke", epilog="Example: takeback partner revoke 0123456789abcdef --data-dir ./registry")(
        revoke_command
    )
    app.add_typer(partner, name="partner")


def add_command(
    name: Annotated[str, typer.Argument(help="The partner's name, for people.")],
    data_dir: _DataDir = None,
    database_url: _DatabaseUrl = None,
    lists: Annotated[
        str, typer.Option(help="Which lists, by comma. pdq-region says more about pictures, so name it.")
    ] = ",".join(DEFAULT_LISTS),
    as_json: _AsJson = False,
) -> None:
    """Take in a partner and print its key, once. A registry may be running meanwhile."""
    with _partners(data_dir, database_url) as partners:
        _print_key(partners.add(name, _parse_lists(lists)), as_json=as_json)


def list_command(data_dir: _DataDir = None, database_url: _DatabaseUrl = None, as_json: _AsJson = False) -> None:
    """Show all partners; never a key."""
    with _partners(data_dir, database_url) as partners:
        for partner in partners.all():
            if as_json:
                print_json(_row(partner))
            else:
                state = "" if partner.is_active else "  [red]revoked[/]"
                console().print(f"{partner.partner_id}  {partner.name}  [dim]{', '.join(_names(partner))}[/]{state}")


def scope_command(
    partner_id: _PartnerId,
    lists: Annotated[str, typer.Option(help="Which lists from now on, by comma.")],
    data_dir: _DataDir = None,
    database_url: _DatabaseUrl = None,
    as_json: _AsJson = False,
) -> None:
    """Change which lists a partner may pull."""
    with _partners(data_dir, database_url) as partners:
        partner = partners.rescope(partner_id, _parse_lists(lists))
    if as_json:
        print_json(_row(partner))
    else:
        console().print(f"{partner.name} may pull: {', '.join(_names(partner))}")


def rotate_command(
    partner_id: _PartnerId, data_dir: _DataDir = None, database_url: _DatabaseUrl = None, as_json: _AsJson = False
) -> None:
    """Give a partner another key. The one before stops working at once."""
    with _partners(data_dir, database_url) as partners:
        _print_key(partners.rotate(partner_id), as_json=as_json)


def revoke_command(
    partner_id: _PartnerId,
    data_dir: _DataDir = None,
    database_url: _DatabaseUrl = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Shut a partner out. What it has pulled already stays with it."""
    with _partners(data_dir, database_url) as partners:
        if not yes:
            typer.confirm(f"Shut out {partner_id}?", abort=True)
        partners.revoke(partner_id)
        console().print("Revoked.")


@contextmanager
def _partners(data_dir: Path | None, database_url: str | None) -> Iterator[PartnerService]:
    settings = load_settings(RegistrySettings, data_dir=data_dir, database_url=database_url)
    with open_partners(settings, SystemClock()) as partners:
        yield partners


def _parse_lists(untrusted_names: str) -> list[Algorithm]:
    try:
        return [Algorithm(name.strip()) for name in untrusted_names.split(",")]
    except ValueError:
        raise InvalidInputError("partner.lists", f"Lists are: {', '.join(Algorithm)}.") from None


def _names(partner: Partner) -> list[str]:
    return sorted(name.value for name in partner.lists)


def _row(partner: Partner) -> dict[str, object]:
    return {
        "partner": partner.partner_id,
        "name": partner.name,
        "lists": _names(partner),
        "active": partner.is_active,
    }


def _print_key(issued: IssuedKey, *, as_json: bool) -> None:
    if as_json:
        print_json({**_row(issued.partner), "key": issued.key.text()})
        return
    out = console()
    out.print(f"{issued.partner.name}  [dim]{issued.partner.partner_id}[/]")
    out.print(f"Key, shown only now:\n\n    [bold]{issued.key.text()}[/]\n", soft_wrap=True)
