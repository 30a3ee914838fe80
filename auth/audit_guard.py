"""The database itself refuses to change or delete audit events, and what opens them but for an erasure.

The hash chain shows tampering afterwards; these triggers stop the ordinary ways of doing it. Whoever owns the database can
drop a trigger: that is what the chain, and copies of it elsewhere, are for.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, Engine, inspect

_TABLE: Final = "auth_audit_event"
_SAID: Final = "audit events are never changed or deleted"

_OPENS: Final = "auth_audit_personal"  # may be emptied by an erasure, and nothing else
_SAID_OF_IT: Final = "what opens an audit event is never changed or deleted, only erased"
_OTHER_THAN_ERASED: Final = """NEW.seq <> OLD.seq OR NEW.field <> OLD.field OR NEW.about <> OLD.about
        OR NEW.is_name <> OLD.is_name OR NEW.salt <> '' OR NEW.value <> '' OR NEW.erased_at IS NULL
        OR OLD.erased_at IS NOT NULL"""

POSTGRES_TRIGGERS: Final = (
    f"{_TABLE}_no_change", f"{_TABLE}_no_truncate", f"{_OPENS}_no_update", f"{_OPENS}_no_delete", f"{_OPENS}_no_truncate",
)  # fmt: skip
SQLITE_TRIGGERS: Final = tuple(
    f"{table}_{name}" for table in (_TABLE, _OPENS) for name in ("no_update", "no_delete", "no_replace")
)
_SQLITE: Final = (
    f"""CREATE TRIGGER IF NOT EXISTS {_TABLE}_no_update BEFORE UPDATE ON {_TABLE}
        BEGIN SELECT RAISE(ABORT, '{_SAID}'); END""",
    f"""CREATE TRIGGER IF NOT EXISTS {_TABLE}_no_delete BEFORE DELETE ON {_TABLE}
        BEGIN SELECT RAISE(ABORT, '{_SAID}'); END""",
    # REPLACE deletes without a delete trigger: an event may not take the place of another
    f"""CREATE TRIGGER IF NOT EXISTS {_TABLE}_no_replace BEFORE INSERT ON {_TABLE}
        WHEN EXISTS (SELECT 1 FROM {_TABLE} WHERE seq = NEW.seq OR id = NEW.id OR hash = NEW.hash)
        BEGIN SELECT RAISE(ABORT, '{_SAID}'); END""",  # noqa: S608 - constants only
    f"""CREATE TRIGGER IF NOT EXISTS {_OPENS}_no_update BEFORE UPDATE ON {_OPENS}
        WHEN {_OTHER_THAN_ERASED}
        BEGIN SELECT RAISE(ABORT, '{_SAID_OF_IT}'); END""",
    f"""CREATE TRIGGER IF NOT EXISTS {_OPENS}_no_delete BEFORE DELETE ON {_OPENS}
        BEGIN SELECT RAISE(ABORT, '{_SAID_OF_IT}'); END""",
    f"""CREATE TRIGGER IF NOT EXISTS {_OPENS}_no_replace BEFORE INSERT ON {_OPENS}
        WHEN EXISTS (SELECT 1 FROM {_OPENS} WHERE seq = NEW.seq AND field = NEW.field)
        BEGIN SELECT RAISE(ABORT, '{_SAID_OF_IT}'); END""",  # noqa: S608 - constants only
)
_POSTGRES: Final = (
    f"""CREATE OR REPLACE FUNCTION {_TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '{_SAID}'; END $$""",
    f"""CREATE OR REPLACE TRIGGER {_TABLE}_no_change BEFORE UPDATE OR DELETE ON {_TABLE}
        FOR EACH ROW EXECUTE FUNCTION {_TABLE}_refuse()""",
    f"""CREATE OR REPLACE TRIGGER {_TABLE}_no_truncate BEFORE TRUNCATE ON {_TABLE}
        FOR EACH STATEMENT EXECUTE FUNCTION {_TABLE}_refuse()""",
    f"""CREATE OR REPLACE FUNCTION {_OPENS}_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '{_SAID_OF_IT}'; END $$""",
    f"""CREATE OR REPLACE TRIGGER {_OPENS}_no_update BEFORE UPDATE ON {_OPENS}
        FOR EACH ROW WHEN ({_OTHER_THAN_ERASED}) EXECUTE FUNCTION {_OPENS}_refuse()""",
    f"""CREATE OR REPLACE TRIGGER {_OPENS}_no_delete BEFORE DELETE ON {_OPENS}
        FOR EACH ROW EXECUTE FUNCTION {_OPENS}_refuse()""",
    f"""CREATE OR REPLACE TRIGGER {_OPENS}_no_truncate BEFORE TRUNCATE ON {_OPENS}
        FOR EACH STATEMENT EXECUTE FUNCTION {_OPENS}_refuse()""",
)


def install(engine: Engine | Connection) -> None:
    """Put the triggers in place; safe to call at every start. Takes an engine, or a connection whose transaction it joins."""
    if isinstance(engine, Engine):
        with engine.begin() as connection:
            install(connection)
        return
    are_openings = inspect(engine).has_table(_OPENS)  # older revisions have none
    for statement in _POSTGRES if engine.dialect.name == "postgresql" else _SQLITE:
        if are_openings or _OPENS not in statement:
            engine.exec_driver_sql(statement)
