"""Checkpoints stamped by an outside authority (RFC 3161): against a process that signs as one does, and every way in which a stamp is none."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from api.cli.audit import app
from api.house import House
from api.stamps import Stamper, stamp_now
from auth.actor import SYSTEM
from auth.audit import AuditEventRow
from auth.proof import export, stamping
from auth.proof.checkpoint import Place
from auth.proof.offline import Findings, verify_pack
from auth.proof.stamping import StampExpired, StampRefused
from auth.proof.stamps_offline import check_stamps
from core.errors import Conflict, InputRefused, Unavailable
from tests.auth.proof.packs import a_record
from tests.people import a_person, an_org, browser_as, client_as
from tests.tsa import HAS_OPENSSL, Authority, an_authority, certificates

pytestmark = pytest.mark.skipif(not HAS_OPENSSL, reason="needs the openssl command as an authority")


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    with an_authority(tmp_path_factory.mktemp("tsa")) as found:
        yield found


def _with(house: House, tsa: Authority, **more: Any) -> House:
    said = {"tsa_url": tsa.url, "tsa_certificate": str(tsa.pem), "tsa_allow": "127.0.0.1"} | more
    return replace(house, settings=house.settings.model_copy(update=said))


def _place(house: House) -> Place:
    return Place.of(house.settings)


def _pack(house: House, folder: Path, pem: Path | None) -> Path:
    packed = folder.with_suffix(".zip")
    with house.read() as work:
        export.pack(work, _place(house), packed, pem)
    export.unpack(packed, folder)
    return folder


def test_the_newest_checkpoint_is_stamped_and_checked_offline(
    house: House, tsa: Authority, tmp_path: Path
) -> None:
    there = _with(house, tsa)
    a_record(there, 3, 4)
    made = stamp_now(there, SYSTEM)
    assert (made.size, made.authority, made.policy) == (7, "Test TSA", "1.2.3.4.1")
    with pytest.raises(Conflict):
        stamp_now(there, SYSTEM)
    with there.read() as work:
        noted = json.loads(
            work.db.exec(select(AuditEventRow.payload).where(AuditEventRow.kind == "audit.stamped")).one()
        )
    assert (noted["size"], noted["serial"]) == (7, made.serial)
    pack = _pack(there, tmp_path / "pack", tsa.pem)
    for known in (None, tsa.pem):
        found = verify_pack(pack, tsa=known)
        assert (found.flaws, found.stamps, found.authority) == ([], 1, "Test TSA")
        assert found.certificate == made.certificate
    run = CliRunner().invoke(app, ["verify", str(pack), "--tsa", str(tsa.pem)])
    assert run.exit_code == 0
    assert "1 time stamps of Test TSA" in run.output


def test_whoever_changes_stamp_checkpoint_or_certificate_is_found_out(
    sqlite_house: House, tsa: Authority, tmp_path: Path
) -> None:
    there = _with(sqlite_house, tsa)
    a_record(there, 3)
    stamp_now(there, SYSTEM)
    a_record(there, 2)
    other = certificates(tmp_path / "other", "Another TSA")

    def flaws(name: str, spoil: Any, known: Path | None = None) -> list[str]:
        pack = _pack(there, tmp_path / name, tsa.pem)
        spoil(pack)
        return [flaw.where for flaw in verify_pack(pack, tsa=known).flaws]

    def stamp(pack: Path) -> Path:
        (found,) = (pack / "checkpoints").glob("*.tsr")
        return found

    def bit(pack: Path) -> None:
        body = bytearray(stamp(pack).read_bytes())
        body[-10] ^= 1
        stamp(pack).write_bytes(bytes(body))

    def drop(pack: Path) -> None:
        stamp(pack).unlink()
        (pack / "tsa.pem").unlink()

    kept, moved = "checkpoints/000000000003.tsr", "checkpoints/000000000006.tsr"
    assert flaws("whole", lambda _: None) == []
    assert flaws("bit", bit) == [kept]
    assert flaws("moved", lambda pack: stamp(pack).rename(pack / moved)) == [
        kept,
        moved,
    ], "on another checkpoint"
    assert flaws("dropped", drop) == [kept], "the record tells of it"
    assert flaws("none", lambda pack: (pack / "tsa.pem").unlink()) == ["tsa.pem"]
    assert flaws("swapped", lambda pack: (pack / "tsa.pem").write_bytes(other.read_bytes())) == [
        "checkpoints/000000000003.tsr"
    ]
    assert flaws("known", lambda _: None, other) == ["checkpoints/000000000003.tsr"]


@pytest.mark.parametrize(
    ("way", "words"),
    [("broken", "HTTP 500"), ("other", "does not hold"), ("huge", "too much"), ("moved", "HTTP 302")],
)
def test_an_authority_that_does_wrong_leaves_no_stamp(
    sqlite_house: House, tsa: Authority, way: str, words: str
) -> None:
    a_record(sqlite_house, 3)
    with an_authority(tsa.pem.parent, way) as wrong:
        there = _with(sqlite_house, wrong)
        with pytest.raises(Unavailable, match=words):
            stamp_now(there, SYSTEM)
    assert list(_place(there).stamps()) == []
    with pytest.raises(Unavailable, match="cannot be used"):
        stamp_now(there, SYSTEM)


def test_only_addresses_that_the_guard_lets_through_are_asked(sqlite_house: House, tsa: Authority) -> None:
    a_record(sqlite_house, 3)
    with pytest.raises((InputRefused, Unavailable), match=r"127\.0\.0\.1|loopback|回环"):
        stamp_now(_with(sqlite_house, tsa, tsa_allow=""), SYSTEM)
    for bad in ("file:///etc/passwd", "http://u:p@127.0.0.1/", "nonsense"):
        with pytest.raises(Unavailable, match="no address"):
            stamp_now(_with(sqlite_house, tsa, tsa_url=bad), SYSTEM)


def test_what_is_not_set_is_said(sqlite_house: House, tsa: Authority, tmp_path: Path) -> None:
    a_record(sqlite_house, 3)
    for changes, words in (
        ({"tsa_url": ""}, "DATAGRANT_TSA_URL"), ({"tsa_certificate": ""}, "DATAGRANT_TSA_CERTIFICATE"),
        ({"tsa_certificate": str(tmp_path / "gone.pem")}, "cannot be read"),
    ):  # fmt: skip
        with pytest.raises((Conflict, Unavailable), match=words):
            stamp_now(_with(sqlite_house, tsa, **changes), SYSTEM)


def test_the_worker_asks_once_in_so_many_hours_and_waits_after_a_fault(
    sqlite_house: House, tsa: Authority
) -> None:
    there = _with(sqlite_house, tsa)
    assert Stamper(sqlite_house).look(0.0) is False, "no authority"
    a_record(there, 3)
    stamper = Stamper(there)
    assert stamper.look(0.0) is True
    a_record(there, 2)
    assert stamper.look(1.0) is False, "the last is young"
    (path,) = _place(there).stamps()
    old = (there.clock() - timedelta(hours=25)).timestamp()
    os.utime(path, (old, old))
    deaf = Stamper(_with(sqlite_house, tsa, tsa_url="http://127.0.0.1:9/"))
    assert [deaf.look(now) for now in (2.0, 3.0)] == [False, False]
    assert deaf._not_before == 2.0 + 900
    assert stamper.look(4.0) is True
    assert len(list(_place(there).stamps())) == 2


def test_a_stamp_outlives_the_certificate_but_says_that_it_was_not_checked(
    sqlite_house: House, tsa: Authority, tmp_path: Path
) -> None:
    there = _with(sqlite_house, tsa)
    a_record(there, 3)
    stamp_now(there, SYSTEM)
    pack = _pack(there, tmp_path / "pack", tsa.pem)
    (path,) = (pack / "checkpoints").glob("*.tsr")
    note, known = path.with_suffix(".txt").read_bytes(), stamping.certificates(tsa.pem.read_bytes())
    later = datetime.now(UTC) + timedelta(days=4000)  # noqa: TID251 - the authority keeps real time
    assert stamping.held(path.read_bytes(), note, known, now=later).authority == "Test TSA", "it counts today"
    with pytest.raises(StampRefused):
        stamping.held(b"", note, known, now=later)
    ended = certificates(tmp_path / "ended", "Ended", days=0)
    with pytest.raises(StampExpired):
        stamping.held(
            path.read_bytes(), note, [known[0], *stamping.certificates(ended.read_bytes())], now=later
        )
    found = Findings()
    (pack / "tsa.pem").write_bytes(
        tsa.pem.read_bytes().split(b"-----END")[0] + b"-----END CERTIFICATE-----\n" + ended.read_bytes()
    )
    check_stamps(pack, None, found, later)
    assert (found.stamps, found.stamps_ended, found.flaws) == (0, 1, [])


def test_page_route_and_command(sqlite_house: House, tsa: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    there = _with(sqlite_house, tsa)
    with there.write() as work:
        an_org(work, "bureau", "implementing_body")
        for who, role in (("watch", "security_officer"), ("eye", "auditor"), ("root", "sysadmin")):
            a_person(work, who, "bureau", [role])
    a_record(there, 3)
    assert client_as(there).get("/api/v1/audit/checkpoint/stamp").status_code == 404
    assert client_as(there, "eye").post("/api/v1/audit/checkpoint/stamp").status_code == 403
    assert "No checkpoint bears a time stamp" in browser_as(there, "eye", "en").get("/audit").text
    made = client_as(there, "root").post("/api/v1/audit/checkpoint/stamp")
    assert made.status_code == 201
    shown = client_as(there).get("/api/v1/audit/checkpoint/stamp").json()
    assert shown == made.json()
    assert base64.b64decode(shown["response"])[:1] == b"0"
    page = browser_as(there, "watch", "en")
    assert "bears a time stamp of “Test TSA”" in page.get("/audit").text
    again = page.submit("/audit/stamp")
    assert (again.status_code, "bears a stamp already" in again.text) == (409, True)
    a_record(there, 1)
    assert page.submit("/audit/stamp").status_code == 303
    monkeypatch.setenv("DATAGRANT_TSA_URL", tsa.url)
    monkeypatch.setenv("DATAGRANT_TSA_CERTIFICATE", str(tsa.pem))
    monkeypatch.setenv("DATAGRANT_TSA_ALLOW", "127.0.0.1")
    where = ["--data-dir", str(there.settings.data_dir), "--as", "watch", "--json"]
    assert json.loads(CliRunner().invoke(app, ["stamp", "--show", *where]).stdout)["authority"] == "Test TSA"
    a_record(there, 1)
    run = CliRunner().invoke(app, ["stamp", *where])
    assert json.loads(run.stdout)["size"] > shown["size"], run.output
