"""`datagrant cap`: caps of prices and revenue that were proposed, what would be over them, and the second person's answer."""

from __future__ import annotations

from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Otp, Server, Token, connect, language, show
from api.listing import Limit, Offset
from core.text import Text

app = typer.Typer(
    help="Proposed caps: list, show, dry-run, confirm, reject. Propose with `product set-cap` or `supervision revenue-cap`.",
    no_args_is_help=True,
)
COLUMNS = ("id", "kind", "scenario_id", "unit", "effective_from", "org_id", "year", "cap_fen", "state")
_PARTS = {
    "prices": (
        Text("单价将高于上限的在供产品", "Products on offer that would be above the cap"),
        ("product_id", "name", "org_id", "price_fen", "cap_fen"),
    ),
    "charges": (
        Text(
            "自生效之日起已登记、单价高于上限的收费",
            "Charges entered since its first day at a price above it",
        ),
        ("product_id", "name", "org_id", "price_fen", "quantity", "amount_fen", "first_on", "last_on"),
    ),
    "years": (
        Text("结果将改变的年度", "Years that would turn out otherwise"),
        ("org_id", "year", "taken_fen", "cap_before_fen", "cap_fen", "excess_before_fen", "excess_fen"),
    ),
}


@app.command("list")
def list_caps(
    state: Annotated[str, typer.Option("--state", help="PROPOSED, CONFIRMED or REJECTED")] = "",
    kind: Annotated[str, typer.Option("--kind", help="fee or revenue")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Caps that were proposed, newest first."""
    with connect(data_dir, server, token, user) as api:
        found = api.get("/caps", state=state or None, kind=kind or None, limit=limit, offset=offset)
        show(found, as_json, COLUMNS)


@app.command("show")
def show_cap(
    cap_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One proposed cap."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/caps/{cap_id}"), as_json)


@app.command("dry-run")
def dry_run(
    cap_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What would be over it: products on offer, charges already entered, an operator's years; nothing is changed."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/caps/{cap_id}/dry-run")
        if as_json:
            show(found, True)
            return
        spoken = language()
        for part, (name, columns) in _PARTS.items():
            print(f"{name.in_(spoken)}: {len(found[part])}")
            if found[part]:
                show(
                    {"items": [each | {"name": each.get(f"name_{spoken}")} for each in found[part]]},
                    False,
                    columns,
                )


@app.command()
def confirm(
    cap_id: str, otp: Otp = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Put it in force, as another person than the one who proposed it."""
    with connect(data_dir, server, token, user, otp) as api:
        show(api.step(f"/caps/{cap_id}/confirm", {}), as_json, COLUMNS)


@app.command()
def reject(
    cap_id: str,
    reason: Annotated[str, typer.Option("--reason", help="Why it is not taken")], otp: Otp = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Do not take it."""
    with connect(data_dir, server, token, user, otp) as api:
        show(api.step(f"/caps/{cap_id}/reject", {"note": reason}), as_json, COLUMNS)
