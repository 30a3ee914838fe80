"""Papers, commitments and drafts by a clerk over HTTP: the whole way by routes and commands, and who gets nothing."""

from __future__ import annotations

import base64
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.application import app as application_command
from api.cli.commitment import app as commitment_command
from api.cli.paper import app as paper_command
from api.house import House, open_house
from tests.api.test_applications import ASK, _post, house
from tests.auth.agreements.scene import in_force
from tests.auth.papers.test_papers import policy
from tests.desk import A_PDF, Desk
from tests.people import a_person, app_of, client_as

__all__ = ["house"]  # the fixture


@pytest.fixture
def at(house: House, monkeypatch: pytest.MonkeyPatch) -> str:
    """A draft that the clerk made for the insurer; the application's id."""
    monkeypatch.setattr("api.house.open_house", partial(open_house, clock=house.clock))
    monkeypatch.setattr("api.app.create_app", lambda **_: app_of(house))
    monkeypatch.setenv("DATAGRANT_DEMO", "true")  # where nobody needs a second factor
    with house.write() as work:
        for name, org, role in (
            ("clerk", "bureau", "clerk"), ("watch", "bureau", "security_officer"), ("steward_a", "traffic", "steward"),
            ("elsewhere", "mapper", "applicant"),
        ):  # fmt: skip
            a_person(work, name, org, [role])
    in_force(Desk(house), policy())
    made = _post(
        client_as(house, "clerk"),
        "/applications/assisted",
        ASK | {"org_id": "insurer", "assisted_for": "王女士"},
    )
    return str(made["id"])


def _said(house: House, app: Any, user: str, *words: str) -> Any:
    done = CliRunner().invoke(
        app, [*words, "--data-dir", str(house.settings.data_dir), "--as", user, "--json"]
    )
    assert done.exit_code == 0, done.output + done.stderr
    return json.loads(done.stdout)


def test_the_whole_way_by_commands(house: House, at: str, tmp_path: Path) -> None:
    pdf, out = tmp_path / "方案.pdf", tmp_path / "out.pdf"
    pdf.write_bytes(A_PDF)
    said = partial(_said, house)
    said(paper_command, "clerk", "supply", at, "plan", str(pdf))
    assert said(application_command, "applicant", "confirm", at)["is_confirmed"] is True
    said(application_command, "clerk", "submit", at)
    said(
        application_command,
        "screener",
        "screen",
        at,
        "ok",
        "--missing",
        "security=5",
        "--missing",
        "record=3",
    )
    listed = said(paper_command, "applicant", "list", at)["items"]
    assert [(each["key"], each["state"]) for each in listed] == [
        ("plan", "SUPPLIED"),
        ("security", "OWED"),
        ("record", "OWED"),
    ]
    said(paper_command, "applicant", "supply", at, "security", str(pdf))
    assert (
        said(paper_command, "screener", "return", at, "security", "--reason", "缺少签章页", "--days", "2")[
            "state"
        ]
        == "OWED"
    )
    held = said(paper_command, "officer", "promise", at, "record", "--yes")
    said(paper_command, "screener", "file", at, "plan", "--out", str(out))
    assert out.read_bytes() == A_PDF
    broken = said(
        commitment_command, "steward_a", "break", held["commitment_id"], "--reason", "查询发现有处罚记录"
    )
    assert broken["state"] == "BROKEN"
    assert said(commitment_command, "approver", "list", "--state", "BROKEN")["total"] == 1


def test_a_paper_leaves_as_a_file_and_only_to_those_who_see_its_application(house: House, at: str) -> None:
    clerk = client_as(house, "clerk")
    body = {"name": "a\r\nSet-Cookie: x=1.pdf", "content_base64": base64.b64encode(A_PDF).decode()}
    path = f"/api/v1/applications/{at}/papers/plan"
    assert clerk.post(f"{path}/supply", json=body).status_code == 200
    given = clerk.get(f"{path}/file")
    assert (given.content, given.headers["content-type"]) == (A_PDF, "application/pdf")
    assert given.headers["x-content-type-options"] == "nosniff"
    assert given.headers["content-disposition"].startswith("attachment;")
    assert "set-cookie" not in given.headers
    own = _post(client_as(house, "elsewhere"), "/applications", ASK)
    for who, where in (
        ("elsewhere", path),
        ("screener", path),
        ("elsewhere", f"/api/v1/applications/{own['id']}/papers/plan"),
    ):
        assert client_as(house, who).get(f"{where}/file").status_code == 404  # the bureau sees no drafts
    assert client_as(house).get(f"{path}/file").status_code == 401
    lies = body | {"content_base64": base64.b64encode(b"<script>alert(1)</script>").decode()}
    assert clerk.post(f"{path}/supply", json=lies).status_code == 422


def test_what_is_signed_is_what_was_read(house: House, at: str) -> None:
    officer = client_as(house, "officer")
    path = f"/api/v1/applications/{at}/papers/record"
    said = officer.get(f"{path}/commitment").json()
    assert said["reasons"] == []
    assert officer.post(f"{path}/promise", json={"hash": "0" * 64}).status_code == 409
    assert (
        client_as(house, "applicant").post(f"{path}/promise", json={"hash": said["hash"]}).status_code == 403
    )
    done = officer.post(f"{path}/promise", json={"hash": said["hash"]})
    assert done.status_code == 200, done.text
    found = officer.get(f"/api/v1/commitments/{done.json()['commitment_id']}").json()
    assert (found["sha256"], found["document"]) == (said["hash"], said["document"])
    assert client_as(house, "elsewhere").get(f"/api/v1/commitments/{found['id']}").status_code == 404
