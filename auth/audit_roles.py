"""A database role of its own for the service on PostgreSQL: it may add to the audit record and read it, and neither change nor delete it, nor undo what forbids that.

Triggers (`audit_guard.py`) stop whoever may write; the owner of a table may drop them. So tables and functions belong to one role, which upgrades the schema, and the
service comes as another. `script` is for a superuser to run once; `rights` says how it stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from auth.audit_guard import POSTGRES_TRIGGERS

OWNER: Final = "datagrant_owner"
SERVICE: Final = "datagrant_service"
NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}", re.ASCII)
_ERASED: Final = "salt, value, erased_at"  # what an erasure empties


@dataclass(frozen=True, slots=True)
class Rights:
    """Who the service is to the database. `may`: what it could do to the record, `OWN` among it; () where only its own role's rights stand in the way."""

    role: str
    owner: str
    may: tuple[str, ...]

    @property
    def is_apart(self) -> bool:
        return not self.may


_RIGHTS: Final = text("""
SELECT current_user, pg_get_userbyid(e.relowner),
  pg_has_role(current_user, e.relowner, 'MEMBER') OR pg_has_role(current_user, p.relowner, 'MEMBER'),
  has_any_column_privilege(e.oid, 'UPDATE') OR has_column_privilege(p.oid, 'about', 'UPDATE') OR has_column_privilege(p.oid, 'seq', 'UPDATE'),
  has_table_privilege(e.oid, 'DELETE') OR has_table_privilege(p.oid, 'DELETE'),
  has_table_privilege(e.oid, 'TRUNCATE') OR has_table_privilege(p.oid, 'TRUNCATE'),
  has_table_privilege(e.oid, 'TRIGGER') OR has_table_privilege(p.oid, 'TRIGGER')
FROM pg_class e, pg_class p WHERE e.oid = to_regclass('auth_audit_event') AND p.oid = to_regclass('auth_audit_personal')
""")


def rights(connection: Connection) -> Rights | None:
    """How it stands on PostgreSQL; None on SQLite, and where there is no record yet."""
    if connection.dialect.name != "postgresql" or (row := connection.execute(_RIGHTS).first()) is None:
        return None
    role, owner, *may = row
    words = ("OWN", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER")
    return Rights(role, owner, tuple(word for word, is_so in zip(words, may, strict=True) if is_so))


def is_guest(connection: Connection) -> bool:
    """Whether the tables belong to another role, so that the schema is not ours to change."""
    found = rights(connection)
    return found is not None and "OWN" not in found.may


def is_guarded(connection: Connection) -> bool:
    """Whether every trigger of the record is in its place and awake."""
    wanted = text(
        "SELECT count(DISTINCT tgname) FROM pg_trigger WHERE tgname = ANY(:names) AND tgenabled IN ('O', 'A')"
    )
    found = connection.execute(wanted, {"names": list(POSTGRES_TRIGGERS)}).scalar_one()
    return bool(found == len(POSTGRES_TRIGGERS))


def script(owner: str = OWNER, service: str = SERVICE) -> str:
    """The statements, for psql, connected to the database as a superuser; harmless when run again. ValueError for a name that needs quoting."""
    if owner == service or not all(NAME.fullmatch(each) for each in (owner, service)):
        raise ValueError(
            "two different names of small letters, digits and _ 须为两个不同的名称，由小写字母、数字和下划线组成"
        )
    roles = "\n".join(
        f"DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{each}') THEN CREATE ROLE {each} LOGIN; END IF; END $$;"  # noqa: S608 - names are checked
        for each in (owner, service)
    )
    return _SCRIPT.format(owner=owner, service=service, roles=roles, erased=_ERASED)


_SCRIPT: Final = """-- 数授 Datagrant: an owner of the schema, and a role for the service that may add to the audit record and read it, no more.
-- Run by a superuser in the database of the service: psql DATABASE -f this-file. Stop the service first. Then give both roles a password: \\password {owner}
{roles}
BEGIN;
-- everything in schema public belongs to the owner
DO $$ DECLARE each record; BEGIN
  FOR each IN SELECT c.oid::regclass AS name FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
      AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO {owner}', each.name);
  END LOOP;
  FOR each IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') LOOP
    EXECUTE format('ALTER ROUTINE %s OWNER TO {owner}', each.name);
  END LOOP;
  EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC, {service}', current_database());
  EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO {owner}, {service}', current_database());
END $$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC, {service};
GRANT USAGE, CREATE ON SCHEMA public TO {owner};
-- the service works with all tables, those of later versions too
GRANT USAGE ON SCHEMA public TO {service};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {service};
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {service};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {service};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO {service};
-- but for the record: added to and read; an erasure empties what opens an event
REVOKE ALL ON auth_audit_event, auth_audit_personal FROM PUBLIC, {service};
GRANT SELECT, INSERT ON auth_audit_event, auth_audit_personal TO {service};
GRANT UPDATE ({erased}) ON auth_audit_personal TO {service};
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {service};
-- the book of jobs is the service's own
CREATE SCHEMA IF NOT EXISTS dbos AUTHORIZATION {service};
ALTER SCHEMA dbos OWNER TO {service};
DO $$ DECLARE each record; BEGIN
  FOR each IN SELECT c.oid::regclass AS name FROM pg_class c WHERE c.relnamespace = 'dbos'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO {service}', each.name);
  END LOOP;
  FOR each IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.pronamespace = 'dbos'::regnamespace LOOP
    EXECUTE format('ALTER ROUTINE %s OWNER TO {service}', each.name);
  END LOOP;
END $$;
COMMIT;
"""
