"""`datagrant init`: a new installation with its first two administrators."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, DataDir

Admin = Annotated[str, typer.Option("--admin", help="User name of the first administrator")]
Second = Annotated[
    str, typer.Option("--second-admin", help="User name of the second one: roles are given by two people")
]
NameZh = Annotated[str, typer.Option("--org-zh", help="Name of the implementing body (实施机构), Chinese")]
NameEn = Annotated[str, typer.Option("--org-en", help="The same in English")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the two passwords from standard input, a line each")
]


def command(
    org_zh: NameZh,
    org_en: NameEn,
    admin: Admin = "admin",
    second_admin: Second = "admin2",
    password_stdin: FromStdin = False,
    data_dir: DataDir = DEFAULT_DIR,
) -> None:
    """Make the data directory, the implementing body and its two administrators, who enter everybody else."""
    names = (admin, second_admin)
    people = [(name, sys.stdin.readline().rstrip("\n") if password_stdin else _asked(name)) for name in names]
    from api.first import first_administrators
    from api.house import open_house
    from core.errors import AppError
    from core.settings import Settings
    from core.text import Text

    house = open_house(Settings(data_dir=data_dir, worker=False))
    try:
        first_administrators(house, people, Text(org_zh, org_en))
    except AppError as refused:
        print(f"{refused.detail.zh} {refused.detail.en}", file=sys.stderr)
        raise typer.Exit(1) from None
    finally:
        house.engine.dispose()
    print(
        f"{data_dir}: {admin} and {second_admin} may sign in now; start the service with datagrant serve --data-dir {data_dir}"
    )


def _asked(name: str) -> str:
    password: str = typer.prompt(f"{name}: password 口令", hide_input=True, confirmation_prompt=True)
    return password
