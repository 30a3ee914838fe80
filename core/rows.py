"""A table whose rows are written with every step, and made quickly."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic.fields import FieldInfo
from sqlmodel import SQLModel


class EventfulRow(SQLModel):
    """SQLModel's own constructor sets each column through four layers, which is fifteen calls a column. A new row has no earlier
    values that anybody could ask for, so that its columns are put where SQLAlchemy looks for them when it writes the row.

    As there, nothing is validated, and a column without a default that is not given stays empty. Raises TypeError for a name that is no column.
    """

    if not TYPE_CHECKING:  # the type checker knows the columns

        def __init__(self, **given: Any) -> None:  # noqa: ANN401 - whatever the columns hold
            plain, made = _defaults(type(self))
            if not given.keys() <= type(self).model_fields.keys():
                raise TypeError(f"no columns: {sorted(given.keys() - type(self).model_fields.keys())}")
            self.__dict__.update(plain, **given)
            for name, field in made:
                if name not in given:
                    self.__dict__[name] = field.get_default(call_default_factory=True)


@cache
def _defaults(kind: type[SQLModel]) -> tuple[dict[str, Any], list[tuple[str, FieldInfo]]]:
    """Defaults that all rows may share, and columns whose default each row must have for itself."""
    plain: dict[str, Any] = {}
    made = []
    for name, field in kind.model_fields.items():
        if field.is_required():
            continue
        if field.default_factory is None and isinstance(field.default, str | int | float | bool | None):
            plain[name] = field.default
        else:
            made.append((name, field))
    return plain, made
