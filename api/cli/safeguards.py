"""Safeguards stricter than the policy profile, as options of a command: asked for with a request, or set by a decision."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

MinGroup = Annotated[int | None, typer.Option("--min-group", min=1, help="Least group of figures and cells")]
Checkers = Annotated[int | None, typer.Option("--checkers", min=1, max=2, help="People who review each file")]
Epsilon = Annotated[float | None, typer.Option("--epsilon", help="Privacy budget of the whole grant")]
EpsilonEach = Annotated[float | None, typer.Option("--epsilon-each", help="Privacy budget of one question")]
Watermark = Annotated[bool, typer.Option("--watermark", help="Rows bear hidden marks or do not leave")]
OfDataset = Annotated[str, typer.Option("--safeguards-of", help="Only on the line of this dataset; left out: on each line")]  # fmt: skip
_MILLION: Final = 1_000_000


def said(
    min_group: int | None, checkers: int | None, epsilon: float | None, each: float | None, *, watermark: bool
) -> dict[str, Any]:
    """The safeguards that were given, as the routes take them."""
    for name, value in (("--epsilon", epsilon), ("--epsilon-each", each)):
        if value is not None and not 0 < value < 1e9:
            raise typer.BadParameter("请填写大于零的数 / give a number above zero", param_hint=name)
    given = {
        "min_group": min_group, "checkers": checkers,
        "epsilon_micro": None if epsilon is None else round(epsilon * _MILLION),
        "epsilon_each_micro": None if each is None else round(each * _MILLION), "watermark": watermark or None,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}


def put_on(lines: list[dict[str, Any]], given: dict[str, Any], dataset_id: str) -> None:
    """Put them on each line, or on that of the dataset, beside what the line says already."""
    if not given:
        return
    chosen = [line for line in lines if not dataset_id or line.get("dataset_id") == dataset_id]
    if not chosen:
        raise typer.BadParameter(
            f"申请中没有数据集 {dataset_id} / the request has no line of dataset {dataset_id}", param_hint="--safeguards-of"
        )  # fmt: skip
    for line in chosen:
        line["safeguards"] = dict(line.get("safeguards") or {}) | given
