"""``takeback verify-page``: whether a server sends the page that was built from the published sources."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from takeback.cli.main import EXIT_NEGATIVE
from takeback.cli.output import console, print_json
from takeback.client.page_check import (
    CheckedFile,
    FileState,
    check_page,
    digest_of_build,
    installed_build,
    read_digests,
    same_as_published,
)


class _Page(StrEnum):
    SUBMIT = "submit"
    OPERATOR = "operator"
    REVIEW = "review"


def attach(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify-page", epilog="Example: takeback verify-page https://registry.example")(verify_command)


def verify_command(
    url: Annotated[str, typer.Argument(help="Address of the server.")],
    digests: Annotated[
        Path | None, typer.Option(help="digests.json of a build; the installed package's if not given.")
    ] = None,
    page: Annotated[_Page, typer.Option(help="Which page.")] = _Page.SUBMIT,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Fetch a page and every file of it, and compare them with a build; exit code 1 if something differs.

    It shows what the server sent here and now. To notice one that lies to some, compare from several places.
    """
    build = installed_build() if digests is None else None
    known = read_digests(digests if build is None and digests is not None else (build or Path()) / "digests.json")
    found = list(check_page(url, page.value, known, build))
    published = same_as_published(url, known)
    for file in found:
        _print_file(file, as_json=as_json)
    is_same = all(file.state is FileState.SAME for file in found)
    if as_json:
        print_json({"same": is_same, "build": digest_of_build(known), "published": published})
    else:
        _print_end(known, is_same=is_same, published=published)
    if not is_same:
        raise typer.Exit(EXIT_NEGATIVE)


def _print_file(file: CheckedFile, *, as_json: bool) -> None:
    if as_json:
        row = {"file": file.file, "state": file.state.value, "form": file.form, "unchecked": list(file.unchecked)}
        print_json(row)
    elif file.state is not FileState.SAME or file.unchecked:
        why = file.form or ", ".join(f"{form} not compared" for form in file.unchecked)
        console().print(f"{file.state.value:<10} {file.file}  [dim]{why}[/]", soft_wrap=True)


def _print_end(known: dict[str, str], *, is_same: bool, published: bool | None) -> None:
    out = console()
    out.print(f"Build {digest_of_build(known)}", soft_wrap=True)
    out.print("The page is this build, file by file." if is_same else "[red]The page is not this build.[/]")
    match published:
        case True:
            out.print("The server says so too (/digests.json).")
        case False:
            out.print("The server says that it serves another build (/digests.json).")
        case None:
            out.print("The server does not say which build it serves (/digests.json).")
