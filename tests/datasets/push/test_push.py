"""Pushes carried out against a portal on this machine: identity, difference, changes made there, what must leave, two people, one bad record."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from sqlmodel import select

from api.durable import drain, start_due_pushes
from api.house import House
from auth.actor import SYSTEM
from auth.audit import AuditEventRow
from catalog import service as catalogue
from catalog.tables import DatasetRow
from core.errors import AccessRefused, Conflict, InputRefused, NotFound
from datasets.harvest.workflow import HarvestStep, Result
from datasets.push import queries, rules, sending, service
from datasets.push.models import PushAsk, PushCreate
from datasets.push.portal import Portal
from datasets.push.rules import There
from tests.catalog.records import a_dataset
from tests.datasets.harvest.portals import people
from tests.datasets.push.portal import TOKEN, Ckan, a_ckan, a_portal, change, push, shown, told
from tests.datasets.sources.places import allow
from tests.people import actor_of, an_org, browser_as, client_as


@pytest.fixture
def ckan() -> Iterator[Ckan]:
    with a_ckan() as opened:
        yield opened


def furnish(house: House, count: int = 3) -> None:
    """Open records of `traffic`, and besides them what must never leave."""
    allow(house)
    people(house)
    with house.write() as work:
        an_org(work, "parks", kind="source_department")
        for number in range(count):
            a_dataset(
                work,
                f"DP-PK-{number:03}",
                "traffic",
                title_zh=f"停车场 {number}",
                keywords=["停车（场）", "位", "车/位"],
            )
        a_dataset(work, "DP-PK-COND", "traffic", open_type="C", open_condition="审核")
        a_dataset(work, "DP-PK-DRAFT", "traffic", draft=True)
        a_dataset(work, "DP-PARK-1", "parks")
        a_dataset(work, "DP-PK-CORE", "traffic")
        row = work.db.get_one(DatasetRow, "DP-PK-CORE")
        row.data_level = 5
        work.db.add(row)


@pytest.fixture
def home(sqlite_house: House) -> House:
    furnish(sqlite_house)
    return sqlite_house


def retitle(house: House, dataset_id: str, title: str) -> None:
    change(house, dataset_id, title_zh=title)


def withdraw(house: House, dataset_id: str) -> None:
    with house.write() as work:
        catalogue.withdraw(work, SYSTEM, dataset_id, "数据已停用")


def by_id(items: list[Any]) -> dict[str, Any]:
    return {each.dataset_id: each for each in items}


def test_records_are_entered_once_renewed_and_withdrawn(home: House, ckan: Ckan) -> None:
    made = a_portal(home, ckan.url)
    dry, _ = push(home, made.id, dry=True)
    assert dry.counts == {"created": 3}
    assert ckan.writes() == []
    run, _ = push(home, made.id)
    assert run.state == "done"
    assert run.counts == {"created": 3}
    kept = ckan.named("dp-pk-001")
    assert kept
    assert {"key": "guid", "value": "http://127.0.0.1:8000/datasets/DP-PK-001"} in kept["extras"]
    assert {tag["name"] for tag in kept["tags"]} == {"停车 场", "车 位", "parking"}
    assert (kept["owner_org"], kept["private"]) == ("bureau", False)
    assert sorted(each["name"] for each in ckan.packages.values()) == ["dp-pk-000", "dp-pk-001", "dp-pk-002"]
    assert push(home, made.id)[0].counts == {"unchanged": 3}
    retitle(home, "DP-PK-001", "新名")
    dry, items = push(home, made.id, dry=True)
    assert by_id(items)["DP-PK-001"].changes == {"title": ["停车场 1", "新名"]}
    assert ckan.named("dp-pk-001")["title"] == "停车场 1"  # type: ignore[index]
    withdraw(home, "DP-PK-002")
    run, items = push(home, made.id)
    assert run.counts == {"unchanged": 1, "changed": 1, "gone": 1}
    assert ckan.named("dp-pk-001")["title"] == "新名"  # type: ignore[index]
    assert ckan.named("dp-pk-002") is None
    assert shown(home, made.id).records == 2
    with home.read() as work:
        kinds = [
            each.kind for each in work.db.exec(select(AuditEventRow)) if each.kind.startswith("dataset.push")
        ]
    assert sorted(kinds) == ["dataset.push_withdrawn", *["dataset.pushed"] * 4]


def test_what_was_changed_there_is_told_and_not_overwritten_until_somebody_says_so(
    home: House, ckan: Ckan
) -> None:
    made = a_portal(home, ckan.url)
    push(home, made.id)
    theirs = ckan.named("dp-pk-001")
    assert theirs
    theirs["title"] = "门户改的"
    theirs["groups"] = [{"name": "transport"}]
    theirs["extras"].append({"key": "reviewed_by", "value": "门户"})
    theirs["resources"].append({"id": "own", "name": "图", "url": "https://portal.example/map"})
    ckan.named("dp-pk-002")["state"] = "deleted"  # type: ignore[index]
    run, items = push(home, made.id, dry=True)
    assert run.counts == {"held": 2, "unchanged": 1}
    assert by_id(items)["DP-PK-001"].drift == {"title": ["停车场 1", "门户改的"]}
    assert shown(home, made.id).drifted == 2
    retitle(home, "DP-PK-001", "我们改的")
    assert push(home, made.id)[0].counts == {"held": 2, "unchanged": 1}
    assert theirs["title"] == "门户改的"
    run, items = push(home, made.id, overwrite=True)
    assert run.counts == {"created": 1, "changed": 1, "unchanged": 1}
    now = ckan.named("dp-pk-001")
    assert now
    assert now["title"] == "我们改的"
    assert now["groups"] == [{"name": "transport"}]
    assert {"key": "reviewed_by", "value": "门户"} in now["extras"]
    assert now["resources"][-1]["id"] == "own"
    assert shown(home, made.id).drifted == 0
    assert push(home, made.id)[0].counts == {"unchanged": 3}


def test_one_refused_record_stops_none_and_the_report_has_the_portals_words(home: House, ckan: Ckan) -> None:
    ckan.refuses.add("dp-pk-001")
    ckan.packages["x"] = {
        "id": "x",
        "name": "dp-pk-002",
        "state": "active",
        "extras": [],
        "resources": [],
        "tags": [],
    }
    made = a_portal(home, ckan.url)
    run, items = push(home, made.id)
    assert run.counts == {"created": 1, "failed": 2}
    assert "title: Missing value" in by_id(items)["DP-PK-001"].why["en"]
    assert "somebody else" in by_id(items)["DP-PK-002"].why["en"]
    assert "title" not in ckan.packages["x"]


def test_a_push_killed_after_the_portal_answered_enters_nothing_twice(home: House, ckan: Ckan) -> None:
    made = a_portal(home, ckan.url)
    with home.write() as work:
        run = service.run(work, actor_of(work, "ada"), made.id, PushAsk())
    with home.read() as work:
        plan = sending.plan(work, run.id, "DP-PK-000", home.settings.public_url)
    assert plan
    sending.carry_out(Portal(ckan.url, TOKEN, home.settings), plan)  # killed here: nothing is written down
    drain(home)
    done, _ = told(home, made.id, run.id)
    assert done.counts == {"created": 2, "changed": 1}
    assert len(ckan.packages) == 3
    with home.write() as work:
        assert sending.plan(work, run.id, "DP-PK-000", home.settings.public_url) is None


@pytest.mark.parametrize(
    "told",
    [
        None, [], "…", {"id": 7}, {"id": "x", "extras": "guid"}, {"id": "x", "extras": [{"key": "guid"}]}, {"id": "x", "tags": ["a"]},
        {"id": "x", "resources": [{rules.KEY: "csv"}]}, {"id": "x", "extras": [{"key": [], "value": {}}]},
    ],
)  # fmt: skip
def test_nonsense_of_a_portal_is_one_records_fault_and_stops_none(home: House, ckan: Ckan, told: Any) -> None:
    made = a_portal(home, ckan.url)
    is_odd = ("dp-pk-000", "package_show")
    ckan.hook = lambda action, asked: (
        (200, {"success": True, "result": told}) if (asked.get("id"), action) == is_odd else None
    )
    run, items = push(home, made.id)
    assert (run.state, run.counts) == ("done", {"created": 2, "failed": 1})
    assert "no dataset" in by_id(items)["DP-PK-000"].why["en"]


def test_what_a_portal_says_is_bounded_and_never_repeats_the_token(home: House, ckan: Ckan) -> None:
    made = a_portal(home, ckan.url)
    said = {"__type": "Validation Error", "title": [f"not with {TOKEN} <script>"]}
    ckan.hook = lambda action, _: (
        (409, {"success": False, "error": said}) if action == "package_create" else None
    )
    run, items = push(home, made.id)
    assert run.counts == {"failed": 3}
    assert by_id(items)["DP-PK-000"].why["en"].endswith("not with *** <script>")
    page = browser_as(home, "eve", "en").get(f"/pushes/{made.id}/runs/{run.id}").text
    assert "not with *** &lt;script&gt;" in page
    ckan.hook = lambda action, _: (
        (200, {"success": True, "result": "x" * 9_000_000}) if action == "package_show" else None
    )
    run, _ = push(home, made.id)
    assert (run.state, (run.said or {})["en"]) == ("failed", "The portal's answer is too large.")


def test_what_the_portal_did_without_its_answer_arriving_is_no_change_of_theirs(
    home: House, ckan: Ckan
) -> None:
    """Written or deleted there, then the line breaks: the next push knows it as ours, whatever became of the record meanwhile."""

    def lost(action: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        if action not in ("package_update", "package_delete"):
            return None
        getattr(ckan, action)(asked)
        return 302, {}

    made = a_portal(home, ckan.url)
    push(home, made.id)
    for title in ("一", "二"):
        retitle(home, "DP-PK-001", title)
        ckan.hook = lost
        assert push(home, made.id)[0].state == "failed"
        assert ckan.named("dp-pk-001")["title"] == title  # type: ignore[index]
    retitle(home, "DP-PK-001", "停车场 1")  # as it was before both
    ckan.hook = None
    assert push(home, made.id)[0].counts == {"changed": 1, "unchanged": 2}
    assert ckan.named("dp-pk-001")["title"] == "停车场 1"  # type: ignore[index]
    change(home, "DP-PK-002", open_type="C")
    ckan.hook = lost
    assert push(home, made.id)[0].state == "failed"
    change(home, "DP-PK-002", open_type="U")
    ckan.hook = None
    assert push(home, made.id)[0].counts == {"created": 1, "unchanged": 2}
    retitle(home, "DP-PK-000", "三")
    ckan.hook = lost
    push(home, made.id)
    ckan.hook = None
    ckan.named("dp-pk-000")["title"] = "门户改的"  # type: ignore[index]
    assert push(home, made.id)[0].counts == {"held": 1, "unchanged": 2}


def test_a_portal_that_does_not_answer_ends_the_push_and_pauses_it_at_the_fifth_time(
    home: House, ckan: Ckan
) -> None:
    made = a_portal(home, ckan.url)
    ckan.hook = lambda action, asked: (302, {}) if action == "package_show" else None
    for _ in range(5):
        run, _ = push(home, made.id)
        assert run.state == "failed"
        assert "redirects" in (run.said or {})["en"]
    assert shown(home, made.id).state == "paused"


@pytest.mark.parametrize("url", ["http://169.254.169.254", "http://10.0.0.1", "http://[::1]"])
def test_no_push_reaches_a_neighbour(home: House, url: str) -> None:
    run, items = push(home, a_portal(home, url).id)
    assert (run.state, items) == ("failed", [])


@pytest.mark.parametrize(
    ("change", "said"), [({"secret": "wrong"}, "token"), ({"portal_org": "other"}, "organisation")]
)
def test_a_token_that_may_not_write_there_is_told_before_anything_is_sent(
    home: House, ckan: Ckan, change: dict[str, str], said: str
) -> None:
    run, items = push(home, a_portal(home, ckan.url, **change).id)
    assert (run.state, items, ckan.writes()) == ("failed", [], [])
    assert said in (run.said or {})["en"]


def test_nothing_is_sent_before_a_second_person_approved(home: House, ckan: Ckan) -> None:
    made = a_portal(home, ckan.url, approved=False)
    for who, refusal in (("ada", AccessRefused), ("ann", AccessRefused)):
        with home.write() as work, pytest.raises(refusal):
            service.approve(work, actor_of(work, who), made.id)
    with home.write() as work, pytest.raises(Conflict):
        service.run(work, actor_of(work, "ada"), made.id, PushAsk())
    assert push(home, made.id, dry=True)[0].counts == {"created": 3}
    assert ckan.writes() == []


def test_a_withdrawn_record_leaves_the_portal_at_the_workers_next_look(home: House, ckan: Ckan) -> None:
    made = a_portal(home, ckan.url)
    push(home, made.id)
    assert start_due_pushes(home) == 0
    withdraw(home, "DP-PK-001")
    retitle(home, "DP-PK-002", "还不送")
    ckan.hook = lambda action, asked: (
        (403, {"success": False, "error": {"__type": "Authorization Error"}})
        if action == "package_delete"
        else None
    )
    assert start_due_pushes(home) == 1
    drain(home)
    assert ckan.named("dp-pk-001")
    assert start_due_pushes(home) == 0  # refused there: not asked again every minute
    ckan.hook = None
    assert push(home, made.id)[0].counts == {"gone": 1, "changed": 1, "unchanged": 1}
    withdraw(home, "DP-PK-002")
    assert start_due_pushes(home) == 1
    drain(home)
    with home.read() as work:
        runs, _ = queries.runs(work, actor_of(work, "eve"), made.id)
    assert (runs[0].mode, runs[0].counts, runs[0].asked_by) == ("leaving", {"gone": 1}, None)
    assert ckan.named("dp-pk-002") is None


def test_all_records_can_be_taken_back_and_none_returns_by_itself(home: House, ckan: Ckan) -> None:
    made = a_portal(home, ckan.url, schedule="every P1D")
    assert start_due_pushes(home) == 1
    drain(home)
    assert len(ckan.packages) == 3
    assert push(home, made.id, take_back=True)[0].counts == {"gone": 3}
    assert {each["state"] for each in ckan.packages.values()} == {"deleted"}
    assert (shown(home, made.id).state, start_due_pushes(home)) == ("paused", 0)
    with home.write() as work:
        service.step(work, actor_of(work, "ada"), made.id, HarvestStep.RESUME)
    assert push(home, made.id)[0].counts == {"created": 3}


def test_reach_and_conditions_bound_what_leaves_and_foreign_records_never_do(home: House, ckan: Ckan) -> None:
    made = a_portal(home, ckan.url, reach="all", only_open=False, prefix="dp_")
    push(home, made.id)
    names = sorted(each["name"] for each in ckan.packages.values())
    assert names == ["dp_dp-park-1", "dp_dp-pk-000", "dp_dp-pk-001", "dp_dp-pk-002", "dp_dp-pk-cond"]
    with home.write() as work:
        row = work.db.get_one(DatasetRow, "DP-PARK-1")
        row.foreign_from = "https://other.example/x"
        work.db.add(row)
    assert push(home, made.id)[0].counts == {"gone": 1, "unchanged": 4}


@pytest.mark.parametrize("change", [{"data_level": 4}, {"open_type": "N"}])
def test_what_is_not_to_be_opened_and_level_four_stand_at_no_portal(
    home: House, ckan: Ckan, change: dict[str, Any]
) -> None:
    made = a_portal(home, ckan.url, reach="all", only_open=False)
    push(home, made.id)
    with home.write() as work:
        row = work.db.get_one(DatasetRow, "DP-PK-COND")
        for name, value in change.items():
            setattr(row, name, value)
        work.db.add(row)
    assert push(home, made.id)[0].counts == {"gone": 1, "unchanged": 4}


@pytest.mark.parametrize("change", [{"schedule": "frequency"}, {"schedule": "often"}, {"org_id": "nobody"}])
def test_a_portal_that_cannot_be_is_refused(home: House, change: dict[str, str]) -> None:
    body = PushCreate.model_validate(
        {
            "title": "门户",
            "org_id": "traffic",
            "url": "https://p.example",
            "portal_org": "bureau",
            "secret": "s",
        }
        | change
    )
    with home.write() as work, pytest.raises(InputRefused):
        service.add(work, actor_of(work, "ada"), body, home.settings.keys_dir)


@pytest.mark.parametrize(
    "change",
    [
        {"url": "ftp://x"},
        {"url": "https://p.example/?q=1"},
        {"portal_org": "../x"},
        {"prefix": "Dp"},
        {"secret": "a b"},
    ],
)
def test_what_a_portal_is_told_by_is_looked_at(change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        PushCreate.model_validate(
            {
                "title": "门户",
                "org_id": "traffic",
                "url": "https://p.example",
                "portal_org": "bureau",
                "secret": "s",
            }
            | change
        )


def test_the_token_is_sealed_and_never_told(home: House, ckan: Ckan) -> None:
    made = a_portal(home, ckan.url)
    push(home, made.id)
    assert TOKEN.encode() not in (home.settings.data_dir / "datagrant.db").read_bytes()
    assert TOKEN not in client_as(home, "ada").get(f"/api/v1/pushes/{made.id}").text


def test_pages_commands_and_routes_tell_the_same(home: House, ckan: Ckan) -> None:
    ada, bea, eve = browser_as(home, "ada"), browser_as(home, "bea"), browser_as(home, "eve", "en")
    assert "没有推送门户" in ada.get("/pushes").text
    typed = {
        "title": "市平台", "org_id": "traffic", "url": ckan.url, "portal_org": "bureau", "prefix": "", "reach": "department",
        "only_open": "yes", "schedule": "manual", "secret": TOKEN,
    }  # fmt: skip
    refused = ada.submit("/pushes", **typed | {"url": "ftp://x"})
    assert refused.status_code == 422
    assert TOKEN not in refused.text
    done = ada.submit("/pushes", **typed)
    assert done.status_code == 303, done.text
    at = done.headers["location"]
    assert ada.submit(f"{at}/approve").status_code == 403
    assert bea.submit(f"{at}/approve").status_code == 303
    ckan.refuses.add("dp-pk-001")
    assert ada.submit(f"{at}/run").status_code == 303
    drain(home)
    assert "新增 2" in ada.get(at).text
    ckan.named("dp-pk-000")["title"] = "他们改的"  # type: ignore[index]
    assert ada.submit(f"{at}/run", dry="1").status_code == 303
    drain(home)
    assert "他们改的" in eve.get(f"{at}/records?drifted=1").text
    target_id = at.rsplit("/", 1)[-1]
    api = client_as(home, "eve")
    runs = api.get(f"/api/v1/pushes/{target_id}/runs").json()["items"]
    report = eve.get(f"{at}/runs/{runs[0]['id']}?result=held").text
    assert "他们改的" in report
    assert "changed at the portal" in report
    failed = api.get(
        f"/api/v1/pushes/{target_id}/runs/{runs[1]['id']}/items", params={"result": "failed"}
    ).json()
    assert [each["dataset_id"] for each in failed["items"]] == ["DP-PK-001"]
    drifted = api.get(f"/api/v1/pushes/{target_id}/records", params={"drifted": True}).json()
    assert [each["dataset_id"] for each in drifted["items"]] == ["DP-PK-000"]
    assert client_as(home).get("/api/v1/pushes").status_code == 401
    assert api.post(f"/api/v1/pushes/{target_id}/run", json={}).status_code == 403
    assert ada.get("/pushes/none").status_code == 404
    for word in ("pause", "resume", "remove"):
        assert ada.submit(f"{at}/{word}").status_code == 303
    assert ada.submit(f"{at}/resume").status_code == 409


def test_both_databases_keep_the_same(house: House, ckan: Ckan) -> None:
    furnish(house, 25)  # more than one step
    made = a_portal(house, ckan.url)
    assert push(house, made.id)[0].counts == {"created": 25}
    ckan.named("dp-pk-003")["notes"] = "?"  # type: ignore[index]
    withdraw(house, "DP-PK-024")
    assert push(house, made.id)[0].counts == {"unchanged": 23, "held": 1, "gone": 1}
    with house.read() as work:
        ada = actor_of(work, "ada")
        assert [each.dataset_id for each in queries.items(work, ada, made.id, drifted=True)[0]] == [
            "DP-PK-003"
        ]
        with pytest.raises(NotFound):
            queries.target(work, ada, "none")


@pytest.mark.parametrize("there", There)
@pytest.mark.parametrize("flags", list(product([False, True], repeat=5)))
def test_nothing_foreign_and_no_change_of_theirs_is_ever_written_over(
    there: There, flags: tuple[bool, ...]
) -> None:
    is_wanted, is_known, is_changed, is_drifted, may = flags
    result = rules.verdict(
        there,
        is_wanted=is_wanted,
        is_known=is_known,
        is_changed=is_changed,
        is_drifted=is_drifted,
        may_overwrite=may,
    )
    writes = result in (Result.CREATED, Result.CHANGED)
    assert not (writes and there is There.FOREIGN)
    assert not (writes and not is_wanted)
    assert not (writes and is_known and is_drifted and not may)
    assert (result is Result.GONE) == (is_known and not is_wanted)
    if is_wanted and there is There.OURS and is_known and not is_drifted:
        assert (result is Result.CHANGED) == is_changed


def test_a_resource_keeps_its_id_there_from_release_to_release() -> None:
    shown = {
        "title": "停车", "tags": [], "extras": [{"key": "a", "value": 1}, {"key": "b", "value": None}],
        "resources": [{"id": "r1-csv", "name": "v1.csv", "format": "CSV", "url": "https://o/1", "release": 1, "size": 5}],
    }  # fmt: skip
    wanted = rules.payload(shown, name="n", owner_org="o", guid="g")
    assert wanted["extras"] == [{"key": "a", "value": "1"}, {"key": "guid", "value": "g"}]
    there = wanted | {"id": "p", "resources": [wanted["resources"][0] | {"id": "uuid"}], "num_tags": 0}
    shown["resources"][0] |= {"id": "r2-csv", "url": "https://o/2", "release": 2}  # type: ignore[index]
    whole = rules.merged(there, rules.payload(shown, name="n", owner_org="o", guid="g"), {"dropped"})
    assert [(each["id"], each["url"]) for each in whole["resources"]] == [("uuid", "https://o/2")]
    assert "num_tags" not in whole
