"""`datagrant product`: what is built on grants, caps of prices, fees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(help="Data products, fee caps, fees.", no_args_is_help=True)
COLUMNS = ("id", "org_id", "name_zh", "kind", "scenario_id", "unit", "price_fen", "revenue_fen", "ended_at")
Body = Annotated[Path, typer.Argument(help="JSON file; its members are those of POST /api/v1/products")]


@app.command("list")
def list_products(
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Products that you may see, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/products", limit=limit, offset=offset), as_json, COLUMNS)


@app.command("show")
def show_product(
    product_id: str,
    listed_as: Annotated[str, typer.Option("--type", help="Listed as: dataset, report, visualisation, index, api, encrypted")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One product with its source chain, self-check and fees: the listing pack."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/products/{product_id}/listing", listing_type=listed_as or None), as_json)


@app.command()
def assess(
    product_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The twelve cells of an assessment before listing, as they stand now. Exit code 1 when one is not met."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/products/{product_id}/listing")["assessment"]["cells"]
        show({"items": found}, as_json, ("stage_name", "dimension_name", "standing_name", "why"))
    if any(each["standing"] == "open" for each in found):
        raise typer.Exit(1)


@app.command()
def enter(
    body: Body,
    check: Annotated[bool, typer.Option("--check", help="Only say what stands against it")] = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Enter a product of your organisation."""
    given = json.loads(body.read_text(encoding="utf-8"))
    with connect(data_dir, server, token, user) as api:
        show(api.post("/products/check" if check else "/products", given), as_json)


@app.command()
def register(
    product_id: str,
    code: Annotated[str, typer.Option("--code", help="Code of the product's registration")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Enter the code under which a register has entered the product."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/products/{product_id}/registration", {"code": code}), as_json)


@app.command()
def end(
    product_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Take a product off the list; the record stays."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/products/{product_id}/end"), as_json)


@app.command()
def fee(
    product_id: str,
    on: Annotated[str, typer.Option("--on", help="Day of the charge: 2026-03-31")],
    price_fen: Annotated[int, typer.Option("--price-fen", min=0, help="Price of one unit, in fen")],
    quantity: Annotated[int, typer.Option("--quantity", help="Units; negative for a correction")] = 1,
    note: Annotated[str, typer.Option("--note", help="Due for a correction")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Enter money taken for a product."""
    given = {"charged_on": on, "quantity": quantity, "price_fen": price_fen, "note": note}
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/products/{product_id}/fees", given), as_json)


@app.command()
def caps(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The caps of prices."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get("/fee-caps"),
            as_json,
            ("id", "scenario_id", "unit", "cap_fen", "effective_from", "source"),
        )


@app.command("set-cap")
def set_cap(
    scenario: Annotated[str, typer.Option("--scenario", help="A scenario, or * for all")],
    unit: Annotated[str, typer.Option("--unit", help="product, times, period or volume")],
    cap_fen: Annotated[int, typer.Option("--cap-fen", min=0, help="Highest price of one unit, in fen")],
    source: Annotated[str, typer.Option("--source", help="The document that sets it")],
    since: Annotated[str, typer.Option("--from", help="First day: 2026-01-01")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Propose the highest price of a unit; a second person confirms it (`datagrant cap`)."""
    given = {
        "scenario_id": scenario, "unit": unit, "cap_fen": cap_fen, "source": source, "effective_from": since,
    }  # fmt: skip
    with connect(data_dir, server, token, user) as api:
        show(api.post("/fee-caps", given), as_json)
