"""``takeback registry``: the registry and the page."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from takeback.apps.registry import serve
from takeback.cli.output import console
from takeback.cli.registry_abuse import attach_abuse
from takeback.cli.registry_backup import attach_backup
from takeback.cli.registry_canary import attach_canary
from takeback.cli.registry_keys import attach_keys
from takeback.cli.registry_recheck import fastest_search
from takeback.cli.registry_watch import attach_watch
from takeback.errors import UnavailableError
from takeback.exchange.match.service import ListMatcher
from takeback.settings import RegistrySettings, load_settings


def attach(app: typer.Typer) -> None:
    """Add the commands."""
    registry = typer.Typer(help="The registry: cases, lists, feed, and the page.", no_args_is_help=True)
    registry.callback()(lambda: None)
    registry.command("serve", epilog="Example: takeback registry serve --data-dir ./registry --port 8100")(
        serve_command
    )
    attach_backup(registry)
    attach_canary(registry)
    attach_watch(registry)
    attach_keys(registry)
    attach_abuse(registry)
    app.add_typer(registry, name="registry")


def serve_command(
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder for the signing key and the database.", file_okay=False)
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(help="PostgreSQL instead of SQLite: postgresql+psycopg://… (better: TAKEBACK_DATABASE_URL)."),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
) -> None:
    """Serve the registry and its page until stopped.

    Every setting also comes from the environment (TAKEBACK_BATCH_INTERVAL_S and so on), or from a TOML file that
    TAKEBACK_SETTINGS names.
    """
    settings = load_settings(RegistrySettings, data_dir=data_dir, database_url=database_url, host=host, port=port)
    serve(
        settings,
        lambda url: console().print(f"The registry and its page: [bold]{url}/[/]  (Ctrl-C ends it)"),
        open_matcher=_open_matcher if settings.match_service else None,
        search=fastest_search(),
    )


def _open_matcher(engine: Engine) -> ListMatcher:
    """The matching engine over the registry's own lists.

    Raises:
        UnavailableError: ``match.not_installed``.
    """
    try:
        # Only who asks for it needs the compiled kernels.
        from takeback.apps.list_matcher import RegistryMatcher  # noqa: PLC0415
    except ImportError:
        raise UnavailableError(
            "match.not_installed", "Match-as-a-service needs the engine. Run: pip install 'takeback[match]'"
        ) from None
    matcher = RegistryMatcher(engine)
    matcher.load_in_background()
    return matcher
