"""``takeback sample``: a small photo-sharing site to try the kit with. It forgets everything when it stops."""

from typing import Annotated

import typer

from takeback.apps.sample import serve
from takeback.cli.output import console
from takeback.settings import SampleSettings, load_settings


def attach(app: typer.Typer) -> None:
    """Add the commands."""
    sample = typer.Typer(
        help="A small photo site that uses the kit over HTTP, to try things with.", no_args_is_help=True
    )
    sample.callback()(lambda: None)
    sample.command(
        "serve", epilog="Example: takeback sample serve --kit http://127.0.0.1:8101 --kit-token $(cat kit/api-token)"
    )(serve_command)
    app.add_typer(sample, name="sample")


def serve_command(
    kit: Annotated[str | None, typer.Option(help="Address of the platform kit.")] = None,
    kit_token: Annotated[str | None, typer.Option(help="The kit's API token (better: TAKEBACK_KIT_TOKEN).")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
) -> None:
    """Serve the photo site until stopped. It keeps nothing."""
    settings = load_settings(SampleSettings, kit=kit, kit_token=kit_token, host=host, port=port)
    serve(settings, lambda url: console().print(f"The photo site: [bold]{url}/[/]  (Ctrl-C ends it)"))
