"""The pages on which open data are looked at: rows, columns in numbers, a map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import Query, Request
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep
from api.errors import status_of
from api.house import House
from api.late import APIRouter
from api.routes.open_data import opened
from api.web import page, page_number
from auth.actor import Actor
from catalog import service as catalogue
from catalog.models import ColumnRead
from core.errors import AppError
from core.text import Text
from datasets.open_data import drawing, service
from datasets.open_data.conditions import OPERATORS, Condition

router = APIRouter(prefix="/datasets", include_in_schema=True, tags=["pages"])
PER_PAGE, CONDITIONS = 50, 3
VIEWS = {"rows": Text("数据行", "Rows"), "columns": Text("列统计", "Columns"), "map": Text("地图", "Map")}


@router.get("/{dataset_id}/data", response_class=HTMLResponse, **access("public"))
def data_page(
    request: Request,
    house: HouseDep,
    read: ReadDep,
    actor: ActorDep,
    dataset_id: str,
    view: str = "rows",
    q: str = Query("", max_length=200),
    sort: str = Query("", max_length=300),
) -> HTMLResponse:
    """Rows with filters, columns in numbers, or a map; what is not open to all is refused with the way to apply."""
    dataset = catalogue.show(read, actor, dataset_id)
    made = looked(request, house, actor, dataset_id, view, q, sort, PER_PAGE)
    refused = made["refusal"]
    return page(
        request, "datasets/data.html", status=status_of(refused) if refused else 200, dataset=dataset,
        look=made | {"base": f"/datasets/{dataset.id}/data", "place": "", "titles_en": titles_en(catalogue.show_dictionary(read, actor, dataset_id).columns)},
    )  # fmt: skip


def titles_en(columns: Sequence[ColumnRead]) -> dict[str, str]:
    """English names of columns; the file itself holds the Chinese ones."""
    return {each.name: each.title_en for each in columns if each.title_en}


def looked(
    request: Request, house: House, actor: Actor, dataset_id: str, view: str, q: str, sort: str, per_page: int
) -> dict[str, Any]:
    """What a page shows of open data, put on record before it is read. Raises AccessRefused for data that are not open to all."""
    wanted = view if view in VIEWS else "rows"
    number, conditions = page_number(request), _conditions(request)
    held = opened(house, actor, dataset_id, f"{wanted} {per_page * (number - 1)}+{per_page}", is_call=False)
    wanted = "rows" if wanted == "map" and held.pair is None else wanted
    memory = house.settings.memory_limit_mb
    made: dict[str, Any] = {"found": None, "refusal": None, "map": None, "bars": drawing.bars}
    try:
        if wanted == "columns":
            made["found"] = service.columns(held, memory)
        elif wanted == "map":
            made["found"] = service.points(held, conditions, q, memory)
            made["map"] = drawing.drawn(made["found"].points) if made["found"].points else None
        else:
            made["found"] = service.rows(held, conditions, q, sort, per_page, per_page * (number - 1), memory)
    except AppError as refused:
        made["refusal"] = refused
    total = made["found"].total if made["found"] is not None and wanted == "rows" else 0
    return made | {
        "held": held, "view": wanted, "views": [(key, label) for key, label in VIEWS.items() if key != "map" or held.pair],
        "q": q, "sort": sort, "number": number, "pages": max(1, -(-total // per_page)), "total": total,
        "conditions": [*conditions, *[("", "has", "")] * CONDITIONS][:CONDITIONS], "operators": list(OPERATORS.items()),
        "choices": [("", Text("（不用）", "(unused)")), *((field["id"], _label(field)) for field in held.fields)],
        "size": (drawing.WIDTH, drawing.HEIGHT, drawing.MARGIN),
    }  # fmt: skip


def _label(field: dict[str, Any]) -> Text:
    title = field.get("info", {}).get("label", "")
    name = str(field["id"])
    return Text(f"{title} {name}" if title else name, name)


def _conditions(request: Request) -> list[Condition]:
    """The form's rows that name a column."""
    given = request.query_params
    cells = zip(given.getlist("c"), given.getlist("o"), given.getlist("v"), strict=False)
    return [(column, operator, value[:200]) for column, operator, value in cells if column][:20]
