"""The database itself refuses to change or delete audit events.

The hash chain shows tampering afterwards; these triggers stop the ordinary ways of doing it. Whoever owns the database can
drop a trigger: that is what the chain, and copies of it elsewhere, are for.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, Engine

_TABLE: Final = "auth_audit_event"
_SAID: Final = "audit events are never changed or deleted"

_SQLITE: Final = (
    f"""CREATE TRIGGER IF NOT EXISTS {_TABLE}_no_update BEFORE UPDATE ON {_TABLE}
        BEGIN SELECT RAISE(ABORT, '{_SAID}'); END""",
    f"""CREATE TRIGGER IF NOT EXISTS {_TABLE}_no_delete BEFORE DELETE ON {_TABLE}
        BEGIN SELECT RAISE(ABORT, '{_SAID}'); END""",
    # REPLACE deletes without a delete trigger: an event may not take the place of another
    f"""CREATE TRIGGER IF NOT EXISTS {_TABLE}_no_replace BEFORE INSERT ON {_TABLE}
        WHEN EXISTS (SELECT 1 FROM {_TABLE} WHERE seq = NEW.seq OR id = NEW.id OR hash = NEW.hash)
        BEGIN SELECT RAISE(ABORT, '{_SAID}'); END""",  # noqa: S608 - constants only
)
_POSTGRES: Final = (
    f"""CREATE OR REPLACE FUNCTION {_TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '{_SAID}'; END $$""",
    f"""CREATE OR REPLACE TRIGGER {_TABLE}_no_change BEFORE UPDATE OR DELETE ON {_TABLE}
        FOR EACH ROW EXECUTE FUNCTION {_TABLE}_refuse()""",
    f"""CREATE OR REPLACE TRIGGER {_TABLE}_no_truncate BEFORE TRUNCATE ON {_TABLE}
        FOR EACH STATEMENT EXECUTE FUNCTION {_TABLE}_refuse()""",
)


def install(engine: Engine | Connection) -> None:
    """Put the triggers in place; safe to call at every start. Takes an engine, or a connection whose transaction it joins."""
    if isinstance(engine, Engine):
        with engine.begin() as connection:
            install(connection)
        return
    for statement in _POSTGRES if engine.dialect.name == "postgresql" else _SQLITE:
        engine.exec_driver_sql(statement)
