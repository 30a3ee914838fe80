"""`datagrant database roles|upgrade`: a PostgreSQL role of its own for the service, and the schema's upgrade by its owner."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, DataDir

app = typer.Typer(no_args_is_help=True, help="The database itself: roles and upgrade.")


@app.command()
def roles(
    owner: Annotated[str, typer.Option("--owner", help="Role that owns the tables and upgrades them")] = "datagrant_owner",
    service: Annotated[str, typer.Option("--service", help="Role that the service comes as")] = "datagrant_service",
) -> None:  # fmt: skip
    """Print the statements that make both roles on PostgreSQL, for a superuser to run by psql; nothing is changed by this command.

    As the service's role the audit record can be added to and read, and neither changed nor deleted.
    """
    from auth.audit_roles import script

    try:
        print(script(owner, service), end="")
    except ValueError as fault:
        raise typer.BadParameter(str(fault)) from None


@app.command()
def upgrade(data_dir: DataDir = DEFAULT_DIR) -> None:
    """Bring the database of DATAGRANT_DATABASE_URL, or of the directory, to the present schema; for the owner of its tables."""
    from api.schema import bring_up_to_date, head
    from core.db import make_engine
    from core.errors import AppError
    from core.settings import Settings

    engine = make_engine(Settings(data_dir=data_dir, worker=False).database)
    try:
        bring_up_to_date(engine)
    except AppError as refused:
        print(f"{refused.detail.zh} {refused.detail.en}", file=sys.stderr)
        raise typer.Exit(1) from None
    finally:
        engine.dispose()
    print(f"{head()}")
