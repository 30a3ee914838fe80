"""People for tests, made through the real services.

    with house.write() as work:
        an_org(work, "bureau", kind="implementing_body")
        an_org(work, "insurer")                          # an operator with a licence that is valid at the test clock
        a_person(work, "wang", org="insurer", roles=["applicant"])    # no password, so no 0.3 s of argon2
    client = client_as(house, "wang")                    # TestClient with a bearer token that lives 12 hours of test clock
    page = browser_as(house, "wang")                     # TestClient with a real session cookie; `.csrf` for its forms
    visitor = client_as(house)
    with house.write() as work:
        submit(work, actor_of(work, "wang"), ...)        # the Actor that the edge would make now

Roles get their usual scope: `*` for the bureau's people (implementing_body, supervisor) and for sysadmin, auditor,
security_officer, catalog_admin; the person's own organisation otherwise. Give `("approver", "some-org")` to choose another.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import pyotp
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.datastructures import State

from api.app import create_app
from api.house import House
from api.identity import SESSION_COOKIE, local_token
from auth.actor import SYSTEM, Actor
from auth.identity import accounts, factor, principals, sessions
from auth.identity.accounts import AccountRead, RoleGive
from auth.identity.organisations import OrganisationRead, create_organisation
from auth.roles import Role
from core.text import Text
from core.work import Work

PASSWORD = "mountain-river-28"


def an_org(
    work: Work,
    org_id: str,
    kind: str = "operator",
    *,
    licence: str = "QUALIFIED",
    valid_to: date | None = date(2027, 12, 31),
    name: Text | None = None,
) -> OrganisationRead:
    """An organisation; an operator with a valid licence unless said otherwise."""
    return create_organisation(
        work, SYSTEM, name or Text(f"{org_id}机构", f"{org_id} organisation"), kind,
        org_id=org_id, licence_state=licence, licence_valid_to=valid_to,
    )  # fmt: skip


def a_person(
    work: Work,
    username: str,
    org: str | None = None,
    roles: Iterable[str | Role | tuple[str | Role, str]] = (),
    *,
    password: str | None = None,
    person_id: str | None = None,
) -> AccountRead:
    """An account with roles. Without `password` it cannot sign in by password (tokens and `client_as` work)."""
    name = Text(f"{username}先生", username.capitalize())
    made = accounts.create_account(work, SYSTEM, username, password, name, org, person_id=person_id)
    for entry in roles:
        role, scope = entry if isinstance(entry, tuple) else (entry, None)
        accounts.give_role(work, SYSTEM, made.id, RoleGive(role=Role(role), scope=scope))
    return accounts.account(work, made.id)


def actor_of(work: Work, username: str) -> Actor:
    """The actor that the edge would make for this person now."""
    found = principals.principal(work, accounts.account_row(work, username).id, "token")
    assert found is not None, f"{username} may not act"
    return found.actor


_built: list[FastAPI] = []


def app_of(house: House) -> FastAPI:
    """The whole app over this house, to which routes may be added. What is common is built once: it takes 0.3 s."""
    if not _built:
        _built.append(create_app(house=house))
    app = copy.copy(_built[0])
    app.router = copy.copy(app.router)
    app.router.routes = list(app.router.routes)
    app.router.middleware_stack = app.router.app
    app.state, app.middleware_stack, app.openapi_schema = State(), None, None
    app.state.house = house
    return app


@dataclass(frozen=True)
class Enrolled:
    """A person's second factor, as his phone and his drawer hold it."""

    secret: str
    codes: list[str]


def enrolled(house: House, username: str) -> Enrolled:
    """Enrol an authenticator app for this person; the code of the present half minute is used up by it."""
    keys = house.settings.keys_dir
    with house.write() as work:
        actor = actor_of(work, username)
        secret = factor.begin(work, actor, keys).secret
        codes = factor.confirm(work, actor, keys, code_of(secret, work.now))
    return Enrolled(secret, codes)


def code_of(secret: str, at: datetime) -> str:
    """What the app shows at that instant."""
    return pyotp.TOTP(secret).at(at)


def client_as(house: House, username: str | None = None, *, careful: bool = True, **how: Any) -> TestClient:
    """A client of the whole app, authorised by a bearer token; a visitor without a name. `careful`: looks before it steps."""
    headers = {"Authorization": f"Bearer {local_token(house, username)}"} if username else {}
    kind = Careful if careful else TestClient
    return kind(app_of(house), base_url="http://testserver", headers=headers, **how)


_WANTED: Final = ('"missing":"version"', '"header":"If-Match"')


class Careful(TestClient):
    """A client that looks before it steps: where a step wants the version that was seen and none was said, it reads the record and says it; a guess where it may not read it."""

    def request(self, method: str, url: Any, **how: Any) -> Any:
        answer = super().request(method, url, **how)
        if answer.status_code != 422 or not any(word in answer.text for word in _WANTED):
            return answer
        record = str(url).partition("?")[0]
        if "/papers/" in record:  # papers are read as a list
            held = (
                super().request("GET", record.rpartition("/papers/")[0] + "/papers").json().get("items", ())
            )
            found = next((paper for paper in held if paper["key"] == record.split("/")[-2]), {})
        else:
            whole = method in ("PUT", "PATCH") and "/dictionary" not in record and "/options" not in record
            seen = super().request("GET", record if whole else record.rpartition("/")[0])
            found = seen.json() if seen.status_code == 200 else {}
        headers = {**(how.pop("headers", None) or {}), "If-Match": f'"{found.get("version", 1)}"'}
        return super().request(method, url, headers=headers, **how)


def confirm_all(house: House, username: str) -> list[dict[str, Any]]:
    """The second administrator confirms every change of roles that waits; gives them as confirmed."""
    client = client_as(house, username)
    done = []
    for row in client.get("/api/v1/role-changes", params={"waiting": True}).json()["items"]:
        answer = client.post(f"/api/v1/role-changes/{row['id']}/confirm")
        assert answer.status_code == 200, answer.text
        done.append(answer.json())
    return done


_ASKED: Final = re.compile("请说明您看到的版本|Say which version you saw")
_SHOWN: Final = re.compile(r'name="version" value="(\d+)"')


class Browser(TestClient):
    """A client with a session cookie. Put `csrf` into each form: `browser.post(path, data={"csrf": browser.csrf, ...})`."""

    csrf: str = ""

    def submit(self, path: str, **fields: Any) -> Any:
        """POST a form as its page would send it, without following the redirect: where it asks for the version that the page shows,
        that is read off the page."""
        answer = self.post(path, data={"csrf": self.csrf, **fields}, follow_redirects=False)
        if answer.status_code != 422 or "version" in fields or not _ASKED.search(answer.text):
            return answer
        shown = self.get(path.rpartition("/")[0]).text
        form = shown.partition(f'action="{path}"')[2] or shown
        if (found := _SHOWN.search(form)) is None:
            return answer
        data = {"csrf": self.csrf, **fields, "version": found.group(1)}
        return self.post(path, data=data, follow_redirects=False)


def new_browser(house: House, lang: str = "en") -> Browser:
    """A browser in which nobody has signed in."""
    made = Browser(app_of(house), headers={"accept": "text/html"})
    made.cookies.set("dg_lang", lang)
    return made


def browser_as(house: House, username: str, lang: str = "zh") -> Browser:
    """A browser in which this person has signed in (the session is made directly; no password is needed)."""
    with house.write() as work:
        opened = sessions.open_session(work, actor_of(work, username), ip="test", agent="test")
    made = Browser(app_of(house), base_url="http://testserver", headers={"accept": "text/html"})
    made.cookies.set(SESSION_COOKIE, opened.token)
    made.cookies.set("dg_lang", lang)
    made.csrf = sessions.csrf_of(opened.token)
    return made
