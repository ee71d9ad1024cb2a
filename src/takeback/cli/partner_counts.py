"""``takeback partner statistics`` and ``offers``: what partners do with their keys, and what they offer."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from takeback.apps.registry import build_registry
from takeback.apps.registry_services import Services
from takeback.cli.output import console, print_json
from takeback.clock import SystemClock
from takeback.exchange.offers import OfferState
from takeback.exchange.statistics import PartnerStatistics
from takeback.settings import RegistrySettings, load_settings

_DataDir = Annotated[Path | None, typer.Option(help="The registry's folder.", file_okay=False)]
_DatabaseUrl = Annotated[str | None, typer.Option(help="The registry's PostgreSQL, if it uses one.")]
_AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def attach_counts(partner: typer.Typer) -> None:
    """Add the commands to ``takeback partner``."""
    partner.command("statistics", epilog="Example: takeback partner statistics --data-dir ./registry")(
        statistics_command
    )
    partner.command("offers", epilog="Example: takeback partner offers --take OFFER --data-dir ./registry")(
        offers_command
    )


def statistics_command(data_dir: _DataDir = None, database_url: _DatabaseUrl = None, as_json: _AsJson = False) -> None:
    """Show what each partner does: pulls, feedback, how far behind it is."""
    with _services(data_dir, database_url) as services:
        for counts in services.statistics.all():
            row = _row(counts)
            if as_json:
                print_json(row)
                continue
            words = ", ".join(f"{value} {count}" for value, count in sorted(counts.words.items())) or "no feedback"
            lag = ", ".join(f"{name} {behind}" for name, behind in sorted(counts.lag.items())) or "nothing pulled"
            last = row["last_pull"] or "never"
            console().print(
                f"{counts.partner.partner_id}  {counts.partner.name}  pulls {counts.pulls}, last {last}"
                f"  [dim]behind: {lag}; {words}; questions {counts.questions}[/]"
            )


def offers_command(
    take: Annotated[str | None, typer.Option(help="Put this offer on its list with the next batch.")] = None,
    refuse: Annotated[str | None, typer.Option(help="Do not put this offer on a list.")] = None,
    withdraw: Annotated[str | None, typer.Option(help="Take back an offer that was put on its list.")] = None,
    data_dir: _DataDir = None,
    database_url: _DatabaseUrl = None,
    as_json: _AsJson = False,
) -> None:
    """Show what partners would put on a list, or decide about one of it. Values are never shown."""
    with _services(data_dir, database_url) as services:
        offers = services.offers
        for offer_id, decide in ((take, offers.take), (refuse, offers.refuse), (withdraw, offers.withdraw)):
            if offer_id is not None:
                decide(offer_id)
        for offer in offers.all():
            row = {
                "offer": offer.offer_id,
                "partner": offer.partner_id,
                "list": offer.fingerprint.algorithm.value,
                "state": offer.state.value,
            }
            if as_json:
                print_json(row)
            elif offer.state in {OfferState.WAITING, OfferState.TAKEN}:
                console().print("  ".join(row.values()))


@contextmanager
def _services(data_dir: Path | None, database_url: str | None) -> Iterator[Services]:
    settings = load_settings(RegistrySettings, data_dir=data_dir, database_url=database_url)
    registry = build_registry(settings, SystemClock())
    try:
        yield registry.services
    finally:
        registry.close()


def _row(counts: PartnerStatistics) -> dict[str, object]:
    return {
        "partner": counts.partner.partner_id,
        "name": counts.partner.name,
        "active": counts.partner.is_active,
        "pulls": counts.pulls,
        "last_pull": None if counts.last_pull is None else counts.last_pull.isoformat(),
        "behind": {name.value: behind for name, behind in counts.lag.items()},
        "feedback": {value.value: count for value, count in counts.words.items()},
        "questions": counts.questions,
    }
