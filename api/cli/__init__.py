"""The command line. Each module beside this one offers `app` (a group of commands) or `command`; found by name.

Modules here import nothing heavy at the top: `datagrant --help` must answer at once.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Annotated

import typer

cli = typer.Typer(
    name="datagrant", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="数授 Datagrant: public-data catalogue, quality gate, grants and extracts.",
)  # fmt: skip


def _say_version(asked: bool) -> None:
    if asked:
        from api.version import version

        typer.echo(f"datagrant {version()}")
        raise typer.Exit


@cli.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    pass


def _assemble() -> typer.Typer:
    for found in sorted(pkgutil.iter_modules(__path__), key=lambda item: item.name):
        module = importlib.import_module(f"{__name__}.{found.name}")
        name = found.name.replace("_", "-")
        if isinstance(getattr(module, "app", None), typer.Typer):
            cli.add_typer(module.app, name=name)
        elif hasattr(module, "command"):
            cli.command(name)(module.command)
    return cli


def main() -> None:
    """Entry point of the `datagrant` command."""
    _assemble()()
