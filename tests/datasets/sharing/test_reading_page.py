"""The page and the commands of reading in place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.share import app
from api.house import House
from datasets.extracts.signing import check
from tests.datasets.extracts.scene import Scene, a_scene
from tests.datasets.sharing.reading import makes, works
from tests.people import a_person, browser_as, client_as


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    return a_scene(sqlite_house)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_leads_from_nothing_to_a_link_and_a_profile(scene: Scene, lang: str) -> None:
    browser = browser_as(scene.house, "analyst", lang)
    page = f"/grants/{scene.grant_id}/read"
    assert ("还没有视图" if lang == "zh" else "No views yet") in browser.get(page).text
    assert f"{page}" in browser.get(f"/grants/{scene.grant_id}").text
    asked = browser.submit(f"{page}/link", purpose="risk-pricing", release="")
    assert (asked.status_code, asked.headers["location"]) == (303, page)
    assert 'class="job"' in browser.get(page).text
    works(scene)
    made = browser.submit(f"{page}/link", purpose="risk-pricing", release=scene.release_id)
    assert made.status_code == 200
    assert "pd.read_parquet" in made.text
    assert "sp=r" in made.text
    profile = browser.submit(f"{page}/profile", purpose="risk-pricing", days="30")
    assert json.loads(profile.text)["shareCredentialsVersion"] == 1
    assert (profile.headers["cache-control"], profile.headers["content-disposition"][:10]) == (
        "no-store",
        "attachment",
    )


def test_a_refusal_on_the_page_says_every_reason(scene: Scene) -> None:
    browser = browser_as(scene.house, "analyst", "en")
    scene.suspends()
    refused = browser.submit(f"/grants/{scene.grant_id}/read/link", purpose="research", release="")
    assert refused.status_code == 422
    assert "The grant is suspended" in refused.text
    assert "purpose “Research”" in refused.text
    assert browser_as(scene.house, "auditor").get(f"/grants/{scene.grant_id}/read").status_code == 403


def test_the_commands_do_the_same(scene: Scene, tmp_path: Path) -> None:
    view = makes(scene)
    here = ["--data-dir", str(scene.house.settings.data_dir), "--as", "analyst", "--json"]
    run = CliRunner()
    listed = json.loads(run.invoke(app, ["views", scene.grant_id, *here]).stdout)
    assert [(each["state"], each["sha256"]) for each in listed] == [("ready", view.sha256)]
    linked = run.invoke(app, ["link", scene.grant_id, *here])
    assert "sp=r" in json.loads(linked.stdout)["url"], linked.output
    out = tmp_path / "grant.share"
    assert run.invoke(app, ["profile", scene.grant_id, str(out), *here]).exit_code == 0
    assert (json.loads(out.read_text())["shareCredentialsVersion"], out.stat().st_mode & 0o077) == (1, 0)
    auditor = [*here[:3], "auditor", "--json"]
    assert run.invoke(app, ["link", scene.grant_id, *auditor]).exit_code == 1


def test_who_read_is_listed_with_receipts_that_hold_offline(scene: Scene, tmp_path: Path) -> None:
    view = makes(scene)
    with scene.house.write() as work:
        a_person(work, "second", "insurer", ["analyst"])
    link = (
        client_as(scene.house, "analyst")
        .post(f"/api/v1/grants/{scene.grant_id}/links", json={})
        .json()["url"]
    )
    whole = client_as(scene.house).get(link.removeprefix("http://127.0.0.1:8000"))
    part = client_as(scene.house, "second").get(f"/api/v1/grants/{scene.grant_id}/rows?limit=1")
    told = client_as(scene.house, "analyst").get(f"/api/v1/grants/{scene.grant_id}/readings").json()
    assert told["total"] == 2
    sent = {each["account"]: each["sent_bytes"] for each in told["items"]}
    assert sent == {"analyst": len(whole.content), "second": len(part.content)}
    first = next(each for each in told["items"] if each["account"] == "analyst")
    here = ["--data-dir", str(scene.house.settings.data_dir), "--as", "analyst", "--json"]
    run = CliRunner()
    assert json.loads(run.invoke(app, ["readings", scene.grant_id, *here]).stdout) == told
    shown = run.invoke(app, ["receipt", scene.grant_id, first["id"], *here]).stdout
    receipt, file = tmp_path / "r.json", tmp_path / "v.parquet"
    receipt.write_text(shown)
    file.write_bytes(whole.content)
    said = json.loads(shown)
    assert (said["read_by"], said["rows"], said["purpose"]) == ("analyst", view.rows, "risk-pricing")
    assert (said["sha256"], said["agreement_hash"]) == (view.sha256, scene.view().policy_hash)
    assert [each["name"] for each in said["columns"]][:2] == ["venue_id", "venue_name"]
    assert check(receipt.read_bytes(), file=file).flaws == ()
    assert check(receipt.read_bytes(), file=file).extract == first["id"]
    file.write_bytes(whole.content[:-1])
    assert check(receipt.read_bytes(), file=file).flaws
    assert check(shown.replace('"analyst"', '"second"').encode()).flaws
    assert check(shown.replace('"reading-receipt"', '"deletion-certificate"').encode()).flaws
    for lang, name in (("zh", "风险评估与定价"), ("en", "Risk assessment and pricing")):
        table = browser_as(scene.house, "analyst", lang).get(f"/grants/{scene.grant_id}/read").text
        row = next(each for each in table.split("<tr>") if f"receipts/{first['id']}" in each).split("</tr>")[
            0
        ]
        assert f"<td>{name}</td>" in row, row
        assert "risk-pricing" not in row
        person = {"zh": "analyst先生", "en": "Analyst"}[lang]
        assert f'<th scope="row">{person}</th>' in row, "people are called by their names"
        assert "analyst" not in row.replace(person, "")
    page = browser_as(scene.house, "analyst", "en").get(f"/grants/{scene.grant_id}/read")
    assert f"receipts/{first['id']}.json" in page.text
    kept = browser_as(scene.house, "analyst").get(
        f"/grants/{scene.grant_id}/read/receipts/{first['id']}.json"
    )
    assert json.loads(kept.text) == said
    stranger = client_as(scene.house, "applicant2")
    for path in ("readings", f"readings/{first['id']}/receipt"):
        assert stranger.get(f"/api/v1/grants/{scene.grant_id}/{path}").status_code in (403, 404)
    other = client_as(scene.house, "analyst").get(
        f"/api/v1/grants/{scene.grant_id}/readings/{scene.release_id}/receipt"
    )
    assert other.status_code == 404
    scene.revokes()
    assert (
        client_as(scene.house, "analyst")
        .get(f"/api/v1/grants/{scene.grant_id}/readings/{first['id']}/receipt")
        .json()
        == said
    )
