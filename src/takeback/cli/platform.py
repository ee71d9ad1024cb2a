"""``takeback platform``: the platform kit."""

from pathlib import Path
from typing import Annotated

import typer

from takeback.apps.platform import serve
from takeback.cli.output import console
from takeback.settings import PlatformSettings, load_settings


def attach(app: typer.Typer) -> None:
    """Add the commands."""
    platform = typer.Typer(
        help="The platform kit: check before publishing, hold, review, report.", no_args_is_help=True
    )
    platform.callback()(lambda: None)
    platform.command(
        "serve", epilog="Example: TAKEBACK_KEY=tb1_… takeback platform serve --registry https://… --data-dir ./kit"
    )(serve_command)
    app.add_typer(platform, name="platform")


def serve_command(
    registry: Annotated[str | None, typer.Option(help="Address of the registry.")] = None,
    key: Annotated[str | None, typer.Option(help="The partner's key (better: TAKEBACK_KEY).")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder for list, leads and secrets.", file_okay=False)] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
) -> None:
    """Sync the lists, answer checks and serve the review page until stopped.

    The platform's software finds its API token in the data folder (api-token), and reviewers their code (review-code).
    """
    settings = load_settings(PlatformSettings, registry=registry, key=key, data_dir=data_dir, host=host, port=port)
    serve(
        settings,
        lambda url: console().print(
            f"Checks: [bold]{url}/v1/check[/]   Review: [bold]{url}/review/[/]   "
            f"Secrets: {settings.data_dir}/api-token, {settings.data_dir}/review-code   (Ctrl-C ends it)",
            soft_wrap=True,
        ),
    )
