"""Every address that is read says something: whoever an object belongs to sees it, and nobody else does.

Why this exists: a stranger's 404 proves nothing where the owner gets 404, too. Here each GET address is asked by the people whose object it
is until one is shown it, then by strangers: another enterprise, another department, the public, and roles of the bureau that have no part in
it. Where all are meant to be told the same, `ALIKE` says why; an address that is neither fails, and so does an entry that is not needed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from api.house import House
from api.identity import local_token
from auth.roles import PERMISSIONS, Role
from tests.api.bodies import request_of
from tests.api.scoped import OPEN, objects_of
from tests.api.scoped_more import HIDDEN, Places, at, more
from tests.datasets.parking import DATASET
from tests.desk import PEOPLE
from tests.people import a_person, app_of

OWNERS: Final = (
    "officer", "analyst", "applicant", "steward_a", "approver", "watch", "auditor", "screener", "security", "checker", "clerk", "root", "keeper",
)  # fmt: skip
ROLES: Final = {"root": ["sysadmin"], "keeper": ["catalog_admin"]}  # who is not of the desk
OUTSIDE: Final = ("outsider", "neighbour", None)
# Roles of the bureau that have no part in what belongs to others, but for what these addresses are about.
BUREAU: Final[Mapping[str, str]] = {
    "clerk": r"^$",  # drafts for an enterprise that named him, and nothing besides
    "root": r"/(jobs|erasures|self-checks|store|admin)\b|/users|/api-keys|^/$|/organisations|/role-changes|/audit",
}
SHUT: Final = (401, 403, 404)
TESTS: Final = Path(__file__).parents[1]
VALUES: Final = {
    "org_id": "parks", "user": "analyst", "year": "2026", "month": "2026-03", "publisher_id": "parks", "region_code": "440307",
    "number": "1", "kind": "dataset",
}  # fmt: skip
ALIKE: Final[Mapping[str, tuple[str, ...]]] = {
    "keys and self-descriptions, by which anybody checks what we signed": (
        "/.well-known/datagrant-release-key", "/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/api/v1/.well-known/jwks.json",
        "/api/v1/audit/key", "/api/v1/extracts/receipt-key", "/api/v1/releases/key", "/api/v1/odrl-shapes", "/api/v1/metadata-forms", "/api/docs",
        "/components", "/developers", "/robots.txt", "/api", "/api/3", "/oai", "/mcp",
    ),
    "the log's checkpoints and hashes, for witnesses (docs/proof.md)": (
        "/api/v1/audit/checkpoint", "/api/v1/audit/checkpoint/stamp", "/api/v1/audit/consistency", "/tlog/checkpoint", "/tlog/tile/{address}",
    ),
    "code lists and holidays, the same for everybody": (
        "/api/v1/codes", "/api/v1/codes/{name}", "/api/v1/calendar", "/calendar", "/api/v1/clocks/profile", "/api/v1/webhooks/kinds", "/api/v1/applications/lists",
        "/api/v1/profile", "/api/v1/profile/shipped", "/api/v1/scoring", "/api/v1/record-sheets", "/api/v1/matrix", "/matrix",
    ),
    "published by law or by the profile: what was granted, its fees and numbers (docs/grants.md, docs/supervision.md)": (
        "/api/v1/register", "/register", "/api/v1/register/agreements", "/register/agreements", "/registers", "/api/v1/registrations/standing/{dataset_id}", "/api/v1/fee-caps", "/fee-caps", "/api/v1/transparency",
        "/transparency", "/api/v1/use-numbers", "/use-numbers",
    ),
    "the open catalogue: published records alone; what is hidden is in none (test_hidden_records.py, test_standards.py)": (
        "/api/v1/catalogue", "/data.json", "/api/v1/quality-trend", "/quality-trend", "/api/v1/quality-trend/{publisher_id}", "/api/v1/regions", "/regions",
        "/api/v1/regions/{region_code}", "/regions/{region_code}", "/publishers", "/themes", "/themes/{theme_code}", "/sitemap.xml",
        "/sitemaps/{number}.xml", "/feeds/datasets.atom", "/feeds/discussions.atom", "/feeds/datasets/{dataset_id}.atom", "/feeds/organisations/{org_id}.atom",
        "/api/v1/datasets/{dataset_id}/offer", "/api/v1/datasets/{dataset_id}/use", "/api/v1/queries/terms/{dataset_id}",
    ),
    "open data: rows of what is open to all, else refused for everybody (test_open_data.py, test_release_promises.py)": (
        "/api/v1/datasets/{dataset_id}/points", "/api/v1/datasets/{dataset_id}/rows", "/api/v1/datasets/{dataset_id}/statistics", "/datasets/{dataset_id}/data",
        "/api/v1/releases/{release_id}/file", "/datastore/dump/{resource_id}",
    ),
    "CKAN's own words, judged by its real client for what they hide (test_ckan_reading.py)": (
        "/api/3/action/{action}", "/api/action/{action}", "/api/2/util/{kind}/autocomplete", "/api/util/{kind}/autocomplete", "/api/2/util/{kind}/munge_name",
        "/api/util/{kind}/munge_name", "/api/2/util/{kind}/munge_title_to_name", "/api/util/{kind}/munge_title_to_name",
        "/api/2/util/resource/format_autocomplete", "/api/util/resource/format_autocomplete", "/dataset", "/dataset/{name}", "/group/{name}", "/organization/{name}",
        "/dataset/{name}/resource/{resource_id}",
    ),
    "one's own account and nobody else's: no address names another": (
        "/api/v1/me", "/api/v1/me/follows", "/api/v1/me/messages/settings", "/api/v1/me/notices", "/api/v1/me/second-factor", "/me/messages/settings", "/me/notices",
        "/me/second-factor", "/erasures/new", "/demands/new",
    ),
    "names of organisations, which whoever signs in chooses from": ("/api/v1/organisations", "/api/v1/organisations/{org_id}"),
    "signing in": ("/sign-in", "/sign-in/code", "/sign-in/oidc", "/sign-in/oidc/callback"),
    "empty forms, open to the role wherever it is held": (
        "/agreements/new", "/applications/new", "/consents/new", "/datasets/new", "/delegations/new", "/vouches/new", "/plans/new",
        "/registrations/new", "/record-changes/new", "/record-changes/sheet",
    ),
    "links that are secrets themselves (test_download_tickets.py, datasets/sharing/test_views.py)": ("/take/{token}/{name}", "/shared/{view_id}/{name}"),
    "redirects": ("/admin", "/disclosure"),
    "reuses that were approved; a suggestion is shown with its dataset (test_reuses.py)": ("/reuses",),
}  # fmt: skip
# What takes a scene of its own: the test that asks it as both sides.
ELSEWHERE: Final[Mapping[str, str]] = {
    "/agreements/at-odds": "auth/agreements/test_at_odds.py::test_the_page_shows_each_what_is_his_and_strangers_nothing",
    "/api/v1/agreements/at-odds": "auth/agreements/test_at_odds.py::test_each_sees_what_is_his",
    "/api/v1/clocks.csv": "auth/clocks/test_service.py::test_overdue_is_listed_within_sight_and_exported",
    "/api/v1/clocks/kpi": "auth/clocks/test_service.py::test_rates_are_of_what_one_sees_as_a_page_a_file_and_over_http",
    "/api/v1/clocks/kpi.csv": "auth/clocks/test_service.py::test_rates_are_of_what_one_sees_as_a_page_a_file_and_over_http",
    "/clocks/kpi": "auth/clocks/test_service.py::test_rates_are_of_what_one_sees_as_a_page_a_file_and_over_http",
    "/api/v1/disclosure/{year}/publication": "auth/supervision/test_disclosed.py::test_when_a_year_was_disclosed_is_told_to_who_supervises_and_to_nobody_else",
    "/api/v1/links": "datasets/links/test_looking.py::test_each_department_sees_its_own_and_only_the_catalogues_administrator_has_them_looked_at",
    "/links": "datasets/links/test_looking.py::test_the_page_shows_each_department_its_own_and_strangers_nothing",
    "/api/v1/releases/diff": "api/test_release_promises.py::test_counts_are_for_all_values_for_the_departments_stewards",
    "/datasets/{dataset_id}/releases/diff": "api/test_release_promises.py::test_counts_are_for_all_values_for_the_departments_stewards",
    "/api/v1/self-checks/now": "auth/selfcheck/test_selfcheck.py::test_beyond_ones_sight_there_is_none",
    "/api/v1/verifications": "api/test_queries.py::test_a_verification_over_http_page_and_command",
    "/verifications": "api/test_queries.py::test_verifications_are_shown_to_who_asked_and_who_supervises_and_to_no_stranger",
    "/delta-sharing/shares": "datasets/sharing/test_protocol.py::test_strangers_find_neither_share_nor_changes",
    "/delta-sharing/shares/{share}/schemas/{schema}/tables/{table}/changes": "datasets/sharing/test_protocol.py::test_strangers_find_neither_share_nor_changes",
    "/profile/opinions": "auth/profile/test_opinions.py::test_the_bureau_reads_the_templates_and_no_enterprise_does",
}


def _alike() -> dict[str, str]:
    return {path: reason for reason, paths in ALIKE.items() for path in paths}


@pytest.fixture
def world(sqlite_house: House) -> tuple[dict[str, str], Places]:
    things = objects_of(sqlite_house)
    with sqlite_house.write() as work:
        for username, roles in ROLES.items():
            a_person(work, username, "bureau", roles)
    return things, more(sqlite_house, things)


class Asked:
    """The app, asked by anybody; `secrets`: what tells of an object that is not everybody's."""

    def __init__(self, house: House, things: dict[str, str], places: Places) -> None:
        self.client = TestClient(app_of(house), raise_server_exceptions=False, follow_redirects=False)
        self.house, self.things, self.places = house, things, places
        ids = [*things.values(), *(value for _, named in places for value in named.values())]
        self.secrets = {value for value in ids if len(value) > 11 and set(value) != {"0"}} | {DATASET, HIDDEN}
        self._headers: dict[str | None, dict[str, str]] = {None: {}}

    def gets(self) -> Iterator[tuple[str, dict[str, Any]]]:
        self.document = self.client.app.openapi()  # type: ignore[attr-defined]
        for path, item in sorted(self.document["paths"].items()):
            if "get" in item:
                yield path, item["get"]

    def ask(self, who: str | None, path: str, operation: dict[str, Any]) -> Response:
        if who not in self._headers:
            self._headers[who] = {"authorization": f"Bearer {local_token(self.house, who)}"}
        special = at(path, self.places)
        ids = VALUES | self.things | special
        how = request_of(operation, self.document)
        named = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
        how["params"] |= {name: value for name, value in special.items() if name in named}
        headers = how.pop("headers") | self._headers[who]
        filled = re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], "1"), path)
        with self.client.stream("GET", filled, headers=headers, **how) as answer:
            answer.read()
        return answer

    def tells(self, path: str, answer: Response) -> bool:
        """Whether an object is shown that is not everybody's: by an address that names it, or in a list."""
        if answer.status_code != 200:
            return False
        return (
            bool(_named(path))
            or path.startswith("/delta-sharing/shares/")
            or any(secret in answer.text for secret in self.secrets)
        )


def _named(path: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", path)) - OPEN


def _may(who: str, permission: str) -> bool:
    """Whether one of the person's roles has the permission at all; who has not gets 403, as test_route_matrix.py shows."""
    held = ROLES.get(who) or next(roles for username, _, roles in PEOPLE if username == who)
    return permission not in PERMISSIONS or bool(PERMISSIONS[permission] & set(map(Role, held)))


@pytest.mark.gx
@pytest.mark.long
@pytest.mark.timeout(1500)
def test_owner_is_shown_what_no_stranger_is(
    sqlite_house: House, world: tuple[dict[str, str], Places]
) -> None:
    asked, alike, faults, told = Asked(sqlite_house, *world), _alike(), [], 0
    for path, operation in asked.gets():
        answers = {who: asked.ask(who, path, operation) for who in OUTSIDE}
        shuts_out = all(answer.status_code in SHUT for answer in answers.values())
        shown = None
        for who in (each for each in OWNERS if _may(each, operation["x-access"])):
            answer = asked.ask(who, path, operation)
            if asked.tells(path, answer) or (shuts_out and answer.status_code == 200):
                shown = who
                break
        if path in ELSEWHERE:
            continue
        if path in alike:
            if shown is not None and not any(asked.tells(path, answer) for answer in answers.values()):
                faults.append(f"{path}: {shown} is shown what strangers are not; it has no place in ALIKE")
            continue
        if shown is None:
            faults.append(
                f"{path}: nobody is shown anything that strangers are not, and ALIKE does not say why"
            )
            continue
        told += 1
        for role, part in BUREAU.items():
            if role != shown and not re.search(part, path):
                answers[role] = asked.ask(role, path, operation)
        faults += [
            f"{path} ({operation['x-access']}): {who or 'the public'} gets {answer.status_code}; {shown} is shown it"
            for who, answer in answers.items()
            if answer.status_code not in (200, *SHUT) or asked.tells(path, answer)
        ]
    assert faults == [], "\n".join(faults)
    assert told > 300
    assert not set(alike) & set(ELSEWHERE)
    assert {*alike, *ELSEWHERE} <= {path for path, _ in asked.gets()}, "an address that is no more"


def test_tests_that_show_the_rest_are_there() -> None:
    for file, name in (each.split("::") for each in ELSEWHERE.values()):
        said = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        assert name in {each.name for each in said.body if isinstance(each, ast.FunctionDef)}, file
    assert all(len(reason) > 7 for reason in ALIKE)
    listed = [path for paths in ALIKE.values() for path in paths]
    assert len(listed) == len(set(listed))
