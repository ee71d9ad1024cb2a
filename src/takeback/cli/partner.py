"""``takeback partner``: who may pull the lists, with which key, from where, and what came of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from takeback.apps.registry_doors import open_partners
from takeback.cli.output import console, print_json
from takeback.cli.partner_counts import attach_counts
from takeback.clock import SystemClock
from takeback.errors import InvalidInputError
from takeback.exchange.partners import DEFAULT_LISTS, IssuedKey, PartnerService, Terms
from takeback.exchange.types import DEFAULT_SCOPES, Partner, Scope
from takeback.model.fingerprint import Algorithm
from takeback.settings import RegistrySettings, load_settings

_DataDir = Annotated[Path | None, typer.Option(help="The registry's folder.", file_okay=False)]
_DatabaseUrl = Annotated[str | None, typer.Option(help="The registry's PostgreSQL, if it uses one.")]
_PublicUrl = Annotated[
    str | None, typer.Option(help="Where partners reach the registry: https://registry.example (for the addresses).")
]
_AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
_PartnerId = Annotated[str, typer.Argument(help="The partner's id, as 'partner list' shows it.")]
_May = Annotated[str | None, typer.Option(help=f"What the key is for, by comma: {', '.join(Scope)}.")]
_Rate = Annotated[int | None, typer.Option("--per-minute", help="Requests a minute; 0 for the registry's setting.")]
_Networks = Annotated[
    str | None, typer.Option(help="Networks it may call from, by comma (192.0.2.0/24); '' for anywhere.")
]


def attach(app: typer.Typer) -> None:
    """Add the commands."""
    partner = typer.Typer(help="Who may pull the lists, and with which key.", no_args_is_help=True)
    for name, command, arguments in (
        ("add", add_command, '"Example Site"'),
        ("list", list_command, ""),
        ("scope", scope_command, "0123456789abcdef --lists pdq,md5"),
        ("terms", terms_command, "0123456789abcdef --per-minute 1200"),
        ("rotate", rotate_command, "0123456789abcdef"),
        ("confirm", confirm_command, "0123456789abcdef"),
        ("revoke", revoke_command, "0123456789abcdef"),
    ):
        example = " ".join(filter(None, ("Example: takeback partner", name, arguments, "--data-dir ./registry")))
        partner.command(name, epilog=example)(command)
    attach_counts(partner)
    app.add_typer(partner, name="partner")


def add_command(
    name: Annotated[str, typer.Argument(help="The partner's name, for people.")],
    data_dir: _DataDir = None,
    database_url: _DatabaseUrl = None,
    lists: Annotated[
        str, typer.Option(help="Which lists, by comma. pdq-region says more about pictures, so name it.")
    ] = ",".join(DEFAULT_LISTS),
    may: _May = None,
    per_minute: _Rate = None,
    networks: _Networks = None,
    public_url: _PublicUrl = None,
    as_json: _AsJson = False,
) -> None:
    """Take in a partner and print its key, once. A registry may be running meanwhile."""
    settings = _settings(data_dir, database_url, public_url)
    with open_partners(settings, SystemClock()) as partners:
        issued = partners.add(name, _parse_lists(lists), terms=_terms(may, per_minute, networks))
        _print_key(issued, settings, as_json=as_json)


def list_command(data_dir: _DataDir = None, database_url: _DatabaseUrl = None, as_json: _AsJson = False) -> None:
    """Show all partners; never a key."""
    with _partners(data_dir, database_url) as partners:
        for partner in partners.all():
            _print_partner(partner, as_json=as_json)


def scope_command(
    partner_id: _PartnerId,
    lists: Annotated[str, typer.Option(help="Which lists from now on, by comma.")],
    data_dir: _DataDir = None,
    database_url: _DatabaseUrl = None,
    as_json: _AsJson = False,
) -> None:
    """Change which lists a partner may pull."""
    with _partners(data_dir, database_url) as partners:
        _print_partner(partners.rescope(partner_id, _parse_lists(lists)), as_json=as_json)


def terms_command(
    partner_id: _PartnerId,
    data_dir: _DataDir = None,
    database_url: _DatabaseUrl = None,
    may: _May = None,
    per_minute: _Rate = None,
    networks: _Networks = None,
    as_json: _AsJson = False,
) -> None:
    """Change what a partner may do, how often and from where. What is not named stays as it is."""
    with _partners(data_dir, database_url) as partners:
        _print_partner(partners.change(partner_id, _terms(may, per_minute, networks)), as_json=as_json)


def rotate_command(
    partner_id: _PartnerId,
    data_dir: _DataDir = None,
    database_url: _DatabaseUrl = None,
    overlap_days: Annotated[
        int | None, typer.Option(min=0, max=365, help="Days the key before stays good; the setting if not given.")
    ] = None,
    now: Annotated[bool, typer.Option("--now", help="The key before ends at once: it may have leaked.")] = False,
    public_url: _PublicUrl = None,
    as_json: _AsJson = False,
) -> None:
    """Give a partner another key. The one before stays good for a while, or until 'partner confirm'."""
    settings = _settings(data_dir, database_url, public_url)
    days = 0 if now else settings.key_overlap_days if overlap_days is None else overlap_days
    with open_partners(settings, SystemClock()) as partners:
        _print_key(partners.rotate(partner_id, overlap_days=days), settings, as_json=as_json)


def confirm_command(
    partner_id: _PartnerId, data_dir: _DataDir = None, database_url: _DatabaseUrl = None, as_json: _AsJson = False
) -> None:
    """End a rotation: the partner uses its new key, so the ones before stop working now."""
    with _partners(data_dir, database_url) as partners:
        ended = partners.confirm(partner_id)
        if as_json:
            print_json({"partner": partner_id, "ended": ended})
        else:
            console().print(f"Keys ended: {ended}")


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
    with open_partners(_settings(data_dir, database_url), SystemClock()) as partners:
        yield partners


def _settings(data_dir: Path | None, database_url: str | None, public_url: str | None = None) -> RegistrySettings:
    return load_settings(RegistrySettings, data_dir=data_dir, database_url=database_url, public_url=public_url)


def _terms(may: str | None, per_minute: int | None, networks: str | None) -> Terms:
    return Terms(
        scopes=None if may is None else _parse_scopes(may),
        requests_per_minute=per_minute,
        networks=None if networks is None else _split(networks),
    )


def _parse_lists(untrusted_names: str) -> list[Algorithm]:
    try:
        return [Algorithm(name) for name in _split(untrusted_names)]
    except ValueError:
        raise InvalidInputError("partner.lists", f"Lists are: {', '.join(Algorithm)}.") from None


def _parse_scopes(untrusted_names: str) -> list[Scope]:
    try:
        return [Scope(name) for name in _split(untrusted_names)]
    except ValueError:
        raise InvalidInputError("partner.may", f"A partner may: {', '.join(Scope)}.") from None


def _split(untrusted: str) -> list[str]:
    return [part.strip() for part in untrusted.split(",") if part.strip()]


def _print_partner(partner: Partner, *, as_json: bool) -> None:
    if as_json:
        print_json(_row(partner))
        return
    state = "" if partner.is_active else "  [red]revoked[/]"
    names = ", ".join(sorted(partner.lists))
    scopes = "" if partner.scopes == DEFAULT_SCOPES else f"  ({', '.join(sorted(partner.scopes))})"
    console().print(f"{partner.partner_id}  {partner.name}  [dim]{names}{scopes}[/]{state}")


def _row(partner: Partner) -> dict[str, object]:
    return {
        "partner": partner.partner_id,
        "name": partner.name,
        "lists": sorted(name.value for name in partner.lists),
        "may": sorted(scope.value for scope in partner.scopes),
        "per_minute": partner.requests_per_minute,
        "networks": list(partner.networks),
        "active": partner.is_active,
    }


def _print_key(issued: IssuedKey, settings: RegistrySettings, *, as_json: bool) -> None:
    url = (settings.public_url or f"http://{settings.host}:{settings.port}").rstrip("/")
    credentials = issued.key.credentials()
    ncmec = {"base_url": f"{url}/ncmec", "user": credentials.user, "password": credentials.password}
    stopncii = {
        "base_url": f"{url}/stopncii/v1",
        "function_key": credentials.function_key,
        "subscription_key": credentials.subscription_key,
    }
    if as_json:
        print_json({**_row(issued.partner), "key": issued.key.text(), "ncmec": ncmec, "stopncii": stopncii})
        return
    out = console()
    out.print(f"{issued.partner.name}  [dim]{issued.partner.partner_id}[/]")
    out.print(f"Key, shown only now:\n\n    [bold]{issued.key.text()}[/]\n", soft_wrap=True)
    out.print("For software that speaks another protocol (docs/protocol/partner-shapes.md), shown only now:\n")
    for name, shape in (("NCMEC shape", ncmec), ("StopNCII shape", stopncii)):
        out.print(f"    {name}")
        for field, value in shape.items():
            out.print(f"      {field:<17} {value}", soft_wrap=True)
