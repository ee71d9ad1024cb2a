"""``takeback operator``: who may sign in to the registry's console, and as what."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from takeback.apps.console import ConsoleServices, enrolment_link
from takeback.apps.registry_doors import open_console
from takeback.cli.output import console, print_json
from takeback.clock import SystemClock
from takeback.console.types import Enrolment, Operator, Role
from takeback.settings import RegistrySettings, load_settings

_DataDir = Annotated[Path | None, typer.Option(help="The registry's folder.", file_okay=False)]
_DatabaseUrl = Annotated[str | None, typer.Option(help="The registry's PostgreSQL, if it uses one.")]
_AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
_Who = Annotated[str, typer.Argument(help="The operator's name, or id as 'operator list' shows it.")]
_Role = Annotated[Role, typer.Option(help="An operator may act, an auditor may only look.")]


def attach(app: typer.Typer) -> None:
    """Add the commands."""
    operator = typer.Typer(help="Who may sign in to the registry's console, and as what.", no_args_is_help=True)
    operator.command("add", epilog="Example: takeback operator add robin --data-dir ./registry")(add_command)
    operator.command("list", epilog="Example: takeback operator list --data-dir ./registry")(list_command)
    operator.command("link", epilog="Example: takeback operator link robin --data-dir ./registry")(link_command)
    operator.command("role", epilog="Example: takeback operator role robin --role auditor")(role_command)
    operator.command("remove", epilog="Example: takeback operator remove robin --data-dir ./registry")(remove_command)
    app.add_typer(operator, name="operator")


def add_command(
    name: Annotated[str, typer.Argument(help="A name; a pseudonym is enough.")],
    role: _Role = Role.OPERATOR,
    data_dir: _DataDir = None,
    database_url: _DatabaseUrl = None,
    as_json: _AsJson = False,
) -> None:
    """Take in an operator and print a link, once, with which they choose how to sign in."""
    settings = _settings(data_dir, database_url)
    with _services(settings) as services:
        _print_link(settings, services.operators.add(name, role), as_json=as_json)


def list_command(data_dir: _DataDir = None, database_url: _DatabaseUrl = None, as_json: _AsJson = False) -> None:
    """Show all operators."""
    with _services(_settings(data_dir, database_url)) as services:
        for operator in services.operators.all():
            if as_json:
                print_json(_row(operator))
            else:
                means = ", ".join(sorted(operator.means)) or "has not signed in yet"
                state = "" if operator.is_active else "  [red]removed[/]"
                console().print(
                    f"{operator.operator_id}  {escape(operator.name)}  {operator.role.value}  [dim]{means}[/]{state}"
                )


def link_command(
    who: _Who, data_dir: _DataDir = None, database_url: _DatabaseUrl = None, as_json: _AsJson = False
) -> None:
    """Print another link, for who has lost their passkey or phone. Used, it replaces what they had."""
    settings = _settings(data_dir, database_url)
    with _services(settings) as services:
        operator = services.operators.find(who)
        _print_link(settings, services.operators.give_code(operator.operator_id), as_json=as_json)


def role_command(
    who: _Who,
    role: _Role,
    data_dir: _DataDir = None,
    database_url: _DatabaseUrl = None,
    as_json: _AsJson = False,
) -> None:
    """Change what an operator may do."""
    with _services(_settings(data_dir, database_url)) as services:
        operator = services.operators.set_role(services.operators.find(who).operator_id, role)
    if as_json:
        print_json(_row(operator))
    else:
        console().print(f"{escape(operator.name)} is now: {operator.role.value}")


def remove_command(
    who: _Who,
    data_dir: _DataDir = None,
    database_url: _DatabaseUrl = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Let an operator in no more; their sessions end at once."""
    with _services(_settings(data_dir, database_url)) as services:
        operator = services.operators.find(who)
        if not yes:
            typer.confirm(f"Remove {operator.name}?", abort=True)
        services.operators.remove(operator.operator_id)
        console().print("Removed.")


def _settings(data_dir: Path | None, database_url: str | None) -> RegistrySettings:
    return load_settings(RegistrySettings, data_dir=data_dir, database_url=database_url)


@contextmanager
def _services(settings: RegistrySettings) -> Iterator[ConsoleServices]:
    with open_console(settings, SystemClock()) as services:
        yield services


def _row(operator: Operator) -> dict[str, object]:
    return {
        "operator": operator.operator_id,
        "name": operator.name,
        "role": operator.role.value,
        "active": operator.is_active,
        "means": sorted(means.value for means in operator.means),
    }


def _print_link(settings: RegistrySettings, made: Enrolment, *, as_json: bool) -> None:
    link = enrolment_link(settings, made.code)
    if as_json:
        print_json({**_row(made.operator), "code": made.code, "link": link, "expires": made.expires_s})
        return
    out = console()
    out.print(f"{escape(made.operator.name)}  [dim]{made.operator.operator_id}  {made.operator.role.value}[/]")
    out.print(f"Link, good once and for a day:\n\n    [bold]{link}[/]\n", soft_wrap=True)
