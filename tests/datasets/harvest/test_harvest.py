"""Harvests carried out against a portal on this machine: identity, difference, tombstones, two people, nothing of theirs given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlmodel import col, select

from api import standards
from api.durable import start_due_harvests
from api.house import House
from auth.actor import ANYONE
from catalog import service as catalogue
from catalog.models import DatasetUpdate
from catalog.search.engine import Search, search
from catalog.tables import DatasetRow, LinkRow
from core.errors import AccessRefused, Conflict, Gone, InputRefused, NotFound
from datasets.batches.service import may_submit
from datasets.harvest import queries, rules, service, taking
from datasets.harvest.models import HarvestCreate, RunAsk
from datasets.harvest.tables import HarvestedRow
from datasets.harvest.workflow import MOVES, HarvestState, HarvestStep, Result, advance
from tests.api.judges import shapes
from tests.datasets.harvest.portals import Portal, a_catalogue, harvest, package, people
from tests.datasets.sources.places import Web, allow
from tests.people import actor_of, browser_as, client_as


def counts(items: list[object]) -> dict[str, int]:
    return {r.value: n for r in Result if (n := sum(each.result is r for each in items))}  # type: ignore[attr-defined]


def datasets(house: House) -> list[DatasetRow]:
    with house.read() as work:
        return list(
            work.db.exec(select(DatasetRow).where(col(DatasetRow.foreign_from) != "").order_by(DatasetRow.id))
        )


def test_a_portal_of_several_pages_comes_once_and_is_told_apart_afterwards(home: House, web: Web) -> None:
    portal = Portal(web, [package(n) for n in range(103)])
    made = a_catalogue(home, web.url(""))
    run, items = harvest(home, made.id)
    assert run.state == "done"
    assert run.counts == {"created": 103}
    assert portal.starts() == [0, 100]
    assert len(datasets(home)) == 103
    portal.packages = [package(n, **({"title": "新名"} if n == 5 else {})) for n in range(103) if n != 7] + [
        package(200)
    ]
    dry, told = harvest(home, made.id, dry=True)
    assert dry.counts == {"created": 1, "changed": 1, "unchanged": 101, "gone": 1}
    assert next(each for each in told if each.result is Result.CHANGED).changes == {
        "title_zh": ["外地停车场 5", "新名"]
    }
    assert len(datasets(home)) == 103
    assert {row.state for row in datasets(home)} == {"published"}
    run, items = harvest(home, made.id)
    assert run.counts == dry.counts
    gone = next(each for each in items if each.result is Result.GONE)
    with home.read() as work, pytest.raises(Gone):
        catalogue.show(work, ANYONE, str(gone.dataset_id))
    assert harvest(home, made.id)[0].counts == {"unchanged": 103}
    portal.packages.append(package(7))
    _, items = harvest(home, made.id)
    back = next(each for each in items if each.result is Result.CREATED)
    assert back.dataset_id == f"{gone.dataset_id}-2"


def test_two_sources_with_the_same_identifiers_have_links_of_their_own(home: House, web: Web) -> None:
    Portal(web, [package(n) for n in range(3)])
    for title in ("甲门户", "乙门户"):
        made = a_catalogue(home, web.url(""), title=title)
        assert harvest(home, made.id)[0].counts == {"created": 3}
    with home.read() as work:
        links = work.db.exec(select(LinkRow)).all()
    assert len(links) == len({each.resource_id for each in links}) >= 6
    visitor = client_as(home)
    for each in links:
        found = visitor.get("/api/3/action/resource_show", params={"id": each.resource_id}).json()["result"]
        assert found["package_id"] == each.dataset_id


def test_one_bad_record_stops_none_and_the_report_says_why(home: House, web: Web) -> None:
    Portal(web, [package(1), {"name": "x"}, {"id": "no-title"}, "text", package(1), package(2)])
    run, items = harvest(home, a_catalogue(home, web.url("")).id)
    assert run.counts == {"created": 3, "failed": 3}  # "x" has its name as identifier and title
    assert all(each.why for each in items if each.result is Result.FAILED)


def test_a_portal_that_answers_half_empty_deletes_nothing_until_somebody_allows_it(
    home: House, web: Web
) -> None:
    portal = Portal(web, [package(n) for n in range(30)])
    made = a_catalogue(home, web.url(""))
    harvest(home, made.id)
    portal.packages = [package(0)]
    assert harvest(home, made.id)[0].counts == {"unchanged": 1, "held": 29}
    assert {row.state for row in datasets(home)} == {"published"}
    assert harvest(home, made.id, let_go=True)[0].counts == {"unchanged": 1, "gone": 29}


def test_a_harvest_that_breaks_off_deletes_nothing_and_pauses_at_the_fifth_time(
    home: House, web: Web
) -> None:
    portal = Portal(web, [package(n) for n in range(150)])
    made = a_catalogue(home, web.url(""))
    harvest(home, made.id)
    portal.packages, portal.breaks_at = [*portal.packages[:100], package(900)], 100
    for _ in range(5):
        run, _ = harvest(home, made.id)
        assert run.state == "failed"
        assert run.said
        assert "500" in run.said["en"]
    assert {row.state for row in datasets(home)} == {"published"}
    with home.read() as work:
        assert (
            queries.read(work, queries.source(work, actor_of(work, "eve"), made.id)).state
            is HarvestState.PAUSED
        )


def test_equal_pages_are_no_paging(home: House, web: Web) -> None:
    portal = Portal(web, [package(n) for n in range(100)])
    portal.packages = portal.packages * 3
    run, _ = harvest(home, a_catalogue(home, web.url("")).id)
    assert run.state == "failed"
    assert run.said
    assert "equal" in run.said["en"]


def test_a_step_done_twice_does_nothing_twice(home: House, web: Web) -> None:
    Portal(web, [])
    made = a_catalogue(home, web.url(""))
    with home.write() as work:
        run = service.run(work, actor_of(work, "ada"), made.id, RunAsk())
    from catalog.harvest.records import record

    found = [record(f"r{n}", f"Title {n}") for n in range(5)]
    with home.write() as work:
        taking.take(work, run.id, 1, found[:3])  # killed here
    for _ in range(2):
        with home.write() as work:
            taking.take(work, run.id, 1, found)
    with home.write() as work:
        assert taking.close(work, run.id, {}, is_unchanged=False)["counts"] == {"created": 5}
        assert taking.close(work, run.id, {}, is_unchanged=False)["counts"] == {"created": 5}
    assert len(datasets(home)) == 5


def test_a_document_is_asked_for_only_when_it_changed(home: House, web: Web) -> None:
    told = {
        "dataset": [
            {"identifier": "a", "title": "Lots", "distribution": [{"downloadURL": "https://x.example/a.csv"}]}
        ]
    }
    web.serve("/data.json", json.dumps(told).encode(), etag='"1"')
    made = a_catalogue(home, web.url("/data.json"), "data-us")
    harvest(home, made.id, dry=True)
    assert harvest(home, made.id)[0].counts == {"created": 1}
    run, items = harvest(home, made.id)
    assert run.state == "unchanged"
    assert items == []
    assert {row.state for row in datasets(home)} == {"published"}


def test_an_area_that_is_the_name_of_a_division_gets_its_code(home: House, web: Web) -> None:
    said = {"a": "上海市黄浦区", "b": "Beijing", "c": "鼓楼区", "d": "华东各省", "e": "臺灣省", "f": None}
    told = {
        "dataset": [
            {"identifier": each, "title": f"Set {each}", "spatial": area, "distribution": [{"downloadURL": "https://x.example/a.csv"}]}
            for each, area in said.items()
        ]
    }  # fmt: skip
    web.serve("/data.json", json.dumps(told).encode())
    _, items = harvest(home, a_catalogue(home, web.url("/data.json"), "data-us").id)
    with home.read() as work:
        found = {
            each.identifier: catalogue.show(work, ANYONE, str(each.dataset_id)).spatial_codes
            for each in items
        }
    assert found == {"a": ["310101"], "b": ["110000"], "c": [], "d": [], "e": ["710000"], "f": []}


def _turtle(*numbers: int, following: str = "") -> bytes:
    said = [
        f'<https://a.example/{n}> a dcat:Dataset ; dct:identifier "a-{n}" ; dct:title "Set {n}"@en .'
        for n in numbers
    ]
    if following:
        said.append(f"<https://a.example/> <http://www.w3.org/ns/hydra/core#next> <{following}> .")
    heads = "@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> . <https://a.example/> a dcat:Catalog ."
    return "\n".join([heads, *said]).encode()


def test_what_changed_behind_an_unchanged_first_page_is_seen(home: House, web: Web) -> None:
    web.serve("/c.ttl", _turtle(1, following="/c.ttl?page=2"), etag='"one"')
    web.serve("/c.ttl?page=2", _turtle(2, 3), etag='"two"')
    made = a_catalogue(home, web.url("/c.ttl"), "dcat")
    assert harvest(home, made.id)[0].counts == {"created": 3}
    web.serve("/c.ttl?page=2", _turtle(3, 4), etag='"three"')
    web.asked.clear()
    _, items = harvest(home, made.id)
    assert counts(list(items)) == {"created": 1, "unchanged": 2, "gone": 1}
    assert [asked.get("if-none-match") for _, asked in web.asked] == ['"one"', '"two"']
    assert harvest(home, made.id)[0].counts == {"unchanged": 3}
    web.serve("/c.ttl?page=2", _turtle(3, 4, following="/c.ttl"), etag='"four"')
    run, _ = harvest(home, made.id)
    assert run.state == "failed"  # it leads back to its first page


def test_records_that_were_held_are_let_go_though_the_document_is_the_same(home: House, web: Web) -> None:
    web.serve("/c.ttl", _turtle(*range(30)), etag='"one"')
    made = a_catalogue(home, web.url("/c.ttl"), "dcat")
    harvest(home, made.id)
    web.serve("/c.ttl", _turtle(0), etag='"two"')
    assert harvest(home, made.id)[0].counts == {"unchanged": 1, "held": 29}
    assert harvest(home, made.id)[0].counts == {"unchanged": 1, "held": 29}
    assert harvest(home, made.id, let_go=True)[0].counts == {"unchanged": 1, "gone": 29}
    assert harvest(home, made.id)[0].state == "unchanged"


def test_pages_of_an_interface_are_asked_for_with_their_tags_too(home: House, web: Web) -> None:
    Portal(web, [package(n) for n in range(103)])
    for path, page in list(web.pages.items()):
        web.serve(path, page({})[2], etag=f'"{path[-20:]}"'.replace("+", "-"))
    made = a_catalogue(home, web.url(""))
    harvest(home, made.id)
    web.asked.clear()
    assert harvest(home, made.id)[0].counts == {"unchanged": 103}
    assert all(asked.get("if-none-match") for _, asked in web.asked)


def test_nothing_is_published_before_a_second_person_approved(home: House, web: Web) -> None:
    Portal(web, [package(1)])
    made = a_catalogue(home, web.url(""), approved=False)
    with home.write() as work, pytest.raises(AccessRefused):
        service.approve(work, actor_of(work, "ada"), made.id)
    with home.write() as work, pytest.raises(Conflict):
        service.run(work, actor_of(work, "ada"), made.id, RunAsk())
    assert harvest(home, made.id, dry=True)[0].counts == {"created": 1}
    assert datasets(home) == []
    with home.write() as work, pytest.raises(AccessRefused):
        service.approve(work, actor_of(work, "ann"), made.id)
    with home.write() as work:
        service.approve(work, actor_of(work, "bea"), made.id)
    assert harvest(home, made.id)[0].counts == {"created": 1}


def test_a_foreign_record_is_marked_everywhere_and_its_files_are_never_ours(home: House, web: Web) -> None:
    Portal(
        web, [package(1, extras=[{"key": "open_type", "value": "U"}, {"key": "data_level", "value": "1"}])]
    )
    harvest(home, a_catalogue(home, web.url("")).id)
    (row,) = datasets(home)
    assert (row.open_type, row.data_level, row.license_id) == ("", None, "")
    with home.read() as work:
        ann = actor_of(work, "ann")
        with pytest.raises(Conflict):
            may_submit(work, ann, row.id)
        assert search(work, ANYONE, Search("外地停车场")).total == 1
        entry = standards.entry(work, ANYONE, row.id, "https://ours.example")
    assert entry.foreign_from == web.url("/dataset/set-1")
    assert entry.files == ()
    with home.write() as work, pytest.raises(Conflict):
        catalogue.update(work, actor_of(work, "ann"), row.id, DatasetUpdate(title_zh="我们的"))
    visitor = client_as(home)
    page = visitor.get(f"/datasets/{row.id}").text
    assert "外来记录" in page
    assert "https://portal.example/1.csv" in page
    assert f"/applications/new?dataset={row.id}" not in page
    told = visitor.get("/api/3/action/package_show", params={"id": row.id.lower()}).json()["result"]
    assert {"key": "guid", "value": "id-0001"} in told["extras"]
    assert told["isopen"] is False
    for form in ("turtle", "rdfxml", "jsonld", "nt", "schema-org", "dcat-us", "chinese-xml", "chinese-json"):
        answer = visitor.get(f"/api/v1/datasets/{row.id}/metadata", params={"form": form})
        if answer.status_code == 200:
            assert "/dataset/set-1" in answer.text, form


@pytest.mark.shared
def test_foreign_records_conform_to_dcat_ap_too(home: House, web: Web, shared: Path) -> None:
    import pyshacl
    import rdflib

    Portal(web, [package(1), package(2, notes="", tags=[], resources=[])])
    harvest(home, a_catalogue(home, web.url("")).id)
    rules_of = shapes(shared / "conformance" / "dcat-ap-3.0.1", "dcat-ap-SHACL.ttl", "ranges.ttl")
    graph = rdflib.Graph().parse(data=client_as(home).get("/api/v1/catalogue").content, format="turtle")
    assert "wasDerivedFrom" in graph.serialize(format="nt")
    sound, _, said = pyshacl.validate(graph, shacl_graph=rules_of, inference="none", do_owl_imports=False)
    assert sound, said


def test_what_was_withdrawn_here_stays_withdrawn(home: House, web: Web) -> None:
    portal = Portal(web, [package(1)])
    made = a_catalogue(home, web.url(""))
    harvest(home, made.id)
    (row,) = datasets(home)
    with home.write() as work:
        catalogue.withdraw(work, actor_of(work, "ann"), row.id, "不适合本区读者")
    portal.packages = [package(1, title="改了")]
    assert harvest(home, made.id)[0].counts == {"held": 1}
    assert datasets(home)[0].state == "withdrawn"


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "http://10.0.0.1/", "http://[::1]/"])
def test_no_harvest_reaches_a_neighbour(home: House, url: str) -> None:
    run, _ = harvest(home, a_catalogue(home, url).id)
    assert run.state == "failed"


def test_a_schedule_is_kept_and_a_dead_job_closes_its_harvest(home: House, web: Web) -> None:
    from api.durable import drain

    Portal(web, [package(1)])
    made = a_catalogue(home, web.url(""), schedule="every P1D")
    assert start_due_harvests(home) == 1
    assert start_due_harvests(home) == 0
    drain(home)
    assert len(datasets(home)) == 1
    with home.read() as work:
        runs, total = queries.runs(work, actor_of(work, "eve"), made.id)
    assert total == 1
    assert runs[0].asked_by is None


@pytest.mark.parametrize(
    "change",
    [
        {"schedule": "frequency"},
        {"schedule": "often"},
        {"header": "X-Key"},
        {"secret": "s"},
        {"org_id": "nobody"},
    ],
)
def test_a_catalogue_that_cannot_be_is_refused(home: House, change: dict[str, str]) -> None:
    body = HarvestCreate.model_validate(
        {"title": "门户", "org_id": "traffic", "form": "ckan", "url": "https://p.example"} | change
    )
    with home.write() as work, pytest.raises(InputRefused):
        service.add(work, actor_of(work, "ada"), body, home.settings.keys_dir)


def test_the_credential_is_sealed_and_sent_in_its_header_alone(home: House, web: Web) -> None:
    Portal(web, [package(1)])
    made = a_catalogue(home, web.url(""), header="Authorization", secret="s3cret-key")
    harvest(home, made.id)
    assert web.asked[0][1]["authorization"] == "s3cret-key"
    assert b"s3cret-key" not in (home.settings.data_dir / "datagrant.db").read_bytes()
    assert "s3cret" not in client_as(home, "ada").get(f"/api/v1/harvests/{made.id}").text


def test_pages_commands_and_routes_tell_the_same(home: House, web: Web) -> None:
    Portal(web, [package(n) for n in range(3)] + [{"id": "x"}])
    ada, bea = browser_as(home, "ada"), browser_as(home, "bea")
    assert "没有外部目录" in ada.get("/harvests").text
    assert (
        ada.submit(
            "/harvests", title="邻", org_id="", form="ckan", url="ftp://x", schedule="often", header=""
        ).status_code
        == 422
    )
    done = ada.submit(
        "/harvests",
        title="邻市",
        org_id="traffic",
        form="ckan",
        url=web.url(""),
        schedule="manual",
        header="",
        secret="",
    )
    assert done.status_code == 303, done.text
    at = done.headers["location"]
    assert "批准</button>" not in ada.get(at).text
    assert ada.submit(f"{at}/approve").status_code == 403
    assert bea.submit(f"{at}/approve").status_code == 303
    assert ada.submit(f"{at}/run").status_code == 303
    from api.durable import drain

    drain(home)
    page = ada.get(at).text
    assert "新增 3" in page
    api = client_as(home, "eve")
    source_id = at.rsplit("/", 1)[-1]
    run = api.get(f"/api/v1/harvests/{source_id}/runs").json()["items"][0]
    report = browser_as(home, "eve", "en").get(f"{at}/runs/{run['id']}?result=failed").text
    assert "It has no title." in report
    assert "外地停车场" not in report
    items = api.get(
        f"/api/v1/harvests/{source_id}/runs/{run['id']}/items", params={"q": "停车场 1", "limit": 1}
    ).json()
    assert items["total"] == 1
    assert client_as(home).get("/api/v1/harvests").status_code == 401
    assert api.post(f"/api/v1/harvests/{source_id}/run", json={}).status_code == 403
    assert ada.get("/harvests/none").status_code == 404
    for word in ("pause", "resume", "remove"):
        assert ada.submit(f"{at}/{word}").status_code == 303
    assert ada.submit(f"{at}/resume").status_code == 409


@pytest.mark.parametrize("state", HarvestState)
@pytest.mark.parametrize("step", HarvestStep)
def test_only_the_moves_of_the_table_are_open(state: HarvestState, step: HarvestStep) -> None:
    if (to := MOVES.get((state, step))) is not None:
        assert advance(state, step) is to
    else:
        with pytest.raises(Conflict):
            advance(state, step)


@pytest.mark.parametrize(
    ("known", "gone", "may"), [(0, 0, True), (10, 10, True), (11, 11, False), (40, 20, True), (40, 21, False)]
)
def test_many_may_not_vanish_at_once(known: int, gone: int, may: bool) -> None:
    assert rules.may_let_go(known, gone) is may


@pytest.mark.parametrize(
    ("former", "digest", "withdrawn", "result"),
    [
        (None, "a", False, "created"),
        ("a", "a", False, "unchanged"),
        ("a", "b", False, "changed"),
        ("a", "a", True, "held"),
        ("a", "b", True, "held"),
    ],
)
def test_what_becomes_of_a_record(former: str | None, digest: str, withdrawn: bool, result: str) -> None:
    assert rules.result_of(former, digest, is_withdrawn=withdrawn) == result


def test_both_databases_keep_the_same(house: House, web: Web) -> None:
    allow(house)
    people(house)
    Portal(web, [package(1), package(2)])
    made = a_catalogue(house, web.url(""))
    assert harvest(house, made.id)[0].counts == {"created": 2}
    with house.read() as work:
        rows = work.db.exec(select(HarvestedRow)).all()
        assert {rules.dataset_id_of(made.id, row.key, 1) for row in rows} == {row.dataset_id for row in rows}
        with pytest.raises(NotFound):
            queries.source(work, actor_of(work, "ada"), "none")
