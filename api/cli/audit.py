"""`datagrant audit`: read the record, check its chain, take the evidence out and check it offline."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Otp, Server, Token, connect, show
from api.listing import Limit, Offset

if TYPE_CHECKING:
    from auth.proof.offline import Findings

app = typer.Typer(help="The audit record: list, verify, export, prove.", no_args_is_help=True)
STAMP = ("size", "at", "authority", "policy", "serial", "certificate")
COLUMNS = ("seq", "at", "kind", "actor_name", "actor_org", "subject", "dataset_id")


@app.command("list")
def list_events(
    kind: Annotated[str, typer.Option("--kind", help="A kind (`grant.revoked`) or its first word (`grant`)")] = "",
    account: Annotated[str, typer.Option("--account", help="Who acted")] = "",
    subject: Annotated[str, typer.Option("--subject", help="Id of a grant, an application, …")] = "",
    dataset: Annotated[str, typer.Option("--dataset", help="Only about this dataset")] = "",
    request: Annotated[str, typer.Option("--request", help="Recorded in the course of this request (`X-Request-Id` of its answer)")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Events, newest first."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(
            "/audit", kind=kind or None, account=account or None, subject=subject or None, dataset_id=dataset or None,
            request_id=request or None, limit=limit, offset=offset,
        )  # fmt: skip
        show(found, as_json, COLUMNS)


@app.command()
def verify(
    path: Annotated[Path | None, typer.Argument(help="An exported folder, or a proof (.json), to check offline; none: the live record")] = None,
    key: Annotated[str, typer.Option("--key", help="Offline: the public key as known from elsewhere")] = "",
    checkpoint: Annotated[list[Path] | None, typer.Option("--checkpoint", help="Offline: a checkpoint that was kept elsewhere (repeatable)")] = None,
    tsa: Annotated[Path | None, typer.Option("--tsa", help="Offline: the certificates of the time-stamp authority as known from elsewhere (PEM)")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Check that nobody rewrote the record: the live one, or offline an export. Exit code 1, and where, when it does not hold."""
    if path is not None:
        _verify_offline(path, key, checkpoint or [], as_json, tsa)
        return
    with connect(data_dir, server, token, user) as api:
        said = api.get("/audit/verify")
    if as_json:
        show(said, True)
    elif said["holds"]:
        print(f"{said['events']} events, unbroken; head {said['head']}")
    if not said["holds"]:
        if fault := said["fault"]:
            print(f"the chain breaks at event {fault['seq']}: {fault['what']}", file=sys.stderr)
        for size in said["checkpoints_at_odds"]:
            print(f"the first {size} events are not those that the checkpoint signed", file=sys.stderr)
        for each in said["openings_at_odds"]:
            print(f"{each['zh']} · {each['en']}", file=sys.stderr)
        raise typer.Exit(1)


@app.command()
def stamp(
    shown: Annotated[bool, typer.Option("--show", help="Show the newest stamp instead of asking for one")] = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Have the newest checkpoint stamped by the time-stamp authority that is set (RFC 3161)."""
    with connect(data_dir, server, token, user) as api:
        found = api.get("/audit/checkpoint/stamp") if shown else api.post("/audit/checkpoint/stamp", {})
    show(found if as_json else {name: found[name] for name in STAMP}, as_json)


@app.command()
def look(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What the worker's newest daily look through the whole record found. Exit code 1 when it is not what was signed."""
    with connect(data_dir, server, token, user) as api:
        found = api.get("/audit/looks/newest")
    show(found, as_json)
    if not found["holds"]:
        raise typer.Exit(1)


@app.command()
def acknowledge(
    mark: Annotated[str, typer.Argument(help="The finding's mark (see `audit look`)")],
    note: Annotated[str, typer.Option("--note", help="What came of looking into it, and why work goes on")],
    otp: Otp = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """As a security officer: go on from the newest finding, where the profile stops decisions and deliveries for it."""
    with connect(data_dir, server, token, user, otp) as api:
        show(api.post("/audit/looks/newest/acknowledgement", {"mark": mark, "note": note}), as_json)


def _verify_offline(path: Path, key: str, copies: list[Path], as_json: bool, tsa: Path | None) -> None:
    from auth.proof.dossier_offline import is_dossier, verify_dossier
    from auth.proof.offline import verify_pack, verify_proof

    if not path.exists():
        print(f"{path}: no such folder or file", file=sys.stderr)
        raise typer.Exit(2)
    if is_dossier(path):
        found = verify_dossier(path, key)
    else:
        found = verify_pack(path, key, copies, tsa) if path.is_dir() else verify_proof(path, key)
    if as_json:
        show(_as_json(found), True)
    elif not found.flaws:
        size = found.newest.size if found.newest else 0
        print(
            f"sound: {found.events} events, {found.checkpoints} checkpoints, the newest over {size}; {found.erased} values erased"
        )
        for name in found.unproven:
            print(f"not proven by the record, only listed: {name}  (compare it with the events and receipts)")
        if found.stamps or found.stamps_ended:
            print(
                f"{found.stamps} time stamps of {found.authority}, the newest at {found.stamped_at}; certificate {found.certificate}"
                + ("" if tsa else "  (compare it with the one that is known)")
            )
            if found.stamps_ended:
                print(
                    f"{found.stamps_ended} more whose certificate has ended since: `openssl ts -verify -attime` checks them as of their own time"
                )
        print(f"key {found.key}" + ("" if key else "  (compare it with the one that was published)"))
    for flaw in found.flaws:
        print(f"{flaw.where}: {flaw.what.zh} · {flaw.what.en}", file=sys.stderr)
    if found.flaws:
        raise typer.Exit(1)


def _as_json(found: Findings) -> dict[str, Any]:
    flaws = [{"where": flaw.where, "zh": flaw.what.zh, "en": flaw.what.en} for flaw in found.flaws]
    newest = {"size": found.newest.size, "root": found.newest.root.hex()} if found.newest else None
    return {
        "sound": not flaws, "events": found.events, "checkpoints": found.checkpoints, "erased": found.erased, "key": found.key,
        "newest": newest, "stamps": found.stamps, "stamps_ended": found.stamps_ended, "authority": found.authority,
        "stamped_at": found.stamped_at, "certificate": found.certificate, "flaws": flaws, "unproven": found.unproven,
    }  # fmt: skip


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", help="A new folder")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Take the whole record out, with its checkpoints and public key: `datagrant audit verify DIR` needs nothing else."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        print(f"{out} is there already; name a new folder", file=sys.stderr)
        raise typer.Exit(2)
    from auth.proof.export import unpack

    with tempfile.TemporaryDirectory() as room, connect(data_dir, server, token, user) as api:
        unpack(api.download("/audit/evidence", Path(room) / "evidence.zip"), out)
    show({"out": str(out), "files": sum(1 for each in out.rglob("*") if each.is_file())}, as_json)


@app.command()
def pack(
    out: Annotated[Path, typer.Option("--out", help="A new folder")],
    grant: Annotated[str, typer.Option("--grant", help="One grant, from its application on")] = "",
    since: Annotated[str, typer.Option("--since", help="Instant with offset: 2026-01-01T00:00:00+08:00")] = "",
    until: Annotated[str, typer.Option("--until", help="Instant with offset, not counted")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Take out the evidence of one grant or of a period, each event with its proof; `datagrant audit verify DIR` checks it."""
    if bool(grant) == bool(since and until):
        print("name one --grant, or a period by --since and --until", file=sys.stderr)
        raise typer.Exit(2)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        print(f"{out} is there already; name a new folder", file=sys.stderr)
        raise typer.Exit(2)
    from urllib.parse import urlencode

    from auth.proof.export import unpack

    path = f"grants/{grant}" if grant else f"period?{urlencode({'since': since, 'until': until})}"
    with tempfile.TemporaryDirectory() as room, connect(data_dir, server, token, user) as api:
        unpack(api.download(f"/audit/evidence/{path}", Path(room) / "evidence.zip"), out)
    show({"out": str(out), "files": sum(1 for each in out.rglob("*") if each.is_file())}, as_json)


@app.command()
def proof(
    event: Annotated[str, typer.Argument(help="Id of an event, as `audit list --json`, `application receipts` and the answers to steps show it")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
) -> None:  # fmt: skip
    """Print the proof that an event stands in the signed record, as JSON; keep it in a file to check it offline."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/audit/proof/{event}"), True)


@app.command()
def checkpoint(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
) -> None:  # fmt: skip
    """Print the newest checkpoint. Keep it elsewhere: it is a witness."""
    with connect(data_dir, server, token, user) as api:
        print(api.text("/audit/checkpoint"), end="")


@app.command()
def key(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
) -> None:  # fmt: skip
    """Print the public key that checks the checkpoints."""
    with connect(data_dir, server, token, user) as api:
        print(api.text("/audit/key"), end="")


@app.command()
def consistency(
    old: Annotated[int, typer.Option("--from", min=1, help="Number of events of the earlier log")],
    new: Annotated[int | None, typer.Option("--to", min=1, help="Number of events of the later log")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Prove that the later log begins with the earlier one (RFC 6962)."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/audit/consistency", **{"from": old, "to": new}), as_json)
