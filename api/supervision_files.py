"""Supervision as files: the usage ledger, written to disk first so that its length is known, and the month's report. CSV, XLSX or JSON."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from typing import Final, Literal

from fastapi.responses import Response

from api.delivery import attachment
from api.house import House
from api.written import GuardedCopy
from auth.actor import Actor
from auth.supervision import ledger
from auth.supervision.ledger import Line, Wish
from auth.supervision.monthly import Monthly, MonthlyLine
from core.sheets import Sheet, csv_of, xlsx_of

Form = Literal["csv", "xlsx", "json"]
TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}
_NAMES: Final = tuple(Line.model_fields)


def ledger_file(house: House, actor: Actor, wish: Wish, form: Form) -> Response:
    """Every line that matches; the taking-out is recorded in the same transaction that reads them."""
    house.settings.scratch_dir.mkdir(parents=True, exist_ok=True)
    path = house.settings.scratch_dir / f"usage-{secrets.token_hex(8)}"
    try:
        with house.write() as work, path.open("wb") as out:
            for piece in _pieces(ledger.taken_out(work, actor, wish, form), form):
                out.write(piece)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return GuardedCopy(path, headers={"Content-Type": TYPES[form]} | attachment(f"usage-ledger.{form}"))


def monthly_file(report: Monthly, form: Form) -> Response:
    """The month's report to keep: a line for each heading, the total last."""
    if form == "json":
        body = report.model_dump_json().encode() + b"\n"
    else:
        heads = tuple(MonthlyLine.model_fields)
        rows = [[getattr(line, name) for name in heads] for line in (*report.lines, report.total)]
        sheet = Sheet(f"{report.month} {report.by}", heads, rows)
        body = b"".join(csv_of(sheet)) if form == "csv" else xlsx_of([sheet])
    name = f"supervision-{report.month}-{report.by}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, media_type=TYPES[form], headers=headers)


def _pieces(lines: Iterable[Line], form: Form) -> Iterator[bytes]:
    if form == "json":
        yield b'{"items":['
        for number, line in enumerate(lines):
            yield (b"," if number else b"") + line.model_dump_json().encode()
        yield b"]}\n"
        return
    sheet = Sheet("ledger", _NAMES, (_cells(line) for line in lines))
    if form == "csv":
        yield from csv_of(sheet)
    else:
        yield xlsx_of([sheet])


def _cells(line: Line) -> list[object]:
    return [
        json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
        for value in (getattr(line, name) for name in _NAMES)
    ]
