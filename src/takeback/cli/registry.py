"""``takeback registry``: the registry and the page."""

from pathlib import Path
from typing import Annotated

import typer

from takeback.apps.registry import serve
from takeback.cli.output import console
from takeback.cli.registry_backup import attach_backup
from takeback.settings import RegistrySettings, load_settings


def attach(app: typer.Typer) -> None:
    """Add the commands."""
    registry = typer.Typer(help="The registry: cases, lists, feed, and the page.", no_args_is_help=True)
    registry.callback()(lambda: None)
    registry.command("serve", epilog="Example: takeback registry serve --data-dir ./registry --port 8100")(
        serve_command
    )
    attach_backup(registry)
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
    serve(settings, lambda url: console().print(f"The registry and its page: [bold]{url}/[/]  (Ctrl-C ends it)"))
