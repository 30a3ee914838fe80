"""The row filter as a tree of JSON values. It never carries SQL text; each engine compiles the tree itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    TypeAdapter,
)
from pydantic.functional_validators import BeforeValidator

MAX_DEPTH: Final = 8
MAX_NODES: Final = 64
MAX_IN_LIST: Final = 1000
_EXACT: Final = 2**53 - 1  # beyond this a JSON number is no longer the same number everywhere


def _no_whole(value: object) -> object:
    """A whole number that is too big must not slip through as a rounded one."""
    if isinstance(value, int):
        raise ValueError("整数超出范围 / whole number out of range")
    return value


Whole = Annotated[StrictInt, Field(ge=-_EXACT, le=_EXACT)]
Real = Annotated[float, BeforeValidator(_no_whole), Field(strict=True, allow_inf_nan=False)]
Word = Annotated[StrictStr, Field(max_length=1000)]
Scalar = StrictBool | Whole | Real | Word
ColumnName = Annotated[StrictStr, Field(min_length=1, max_length=200)]


class _Node(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class All(_Node):
    """Every part must hold."""

    op: Literal["and"]
    args: tuple[Node, ...] = Field(min_length=1)


class Any_(_Node):
    """At least one part must hold."""

    op: Literal["or"]
    args: tuple[Node, ...] = Field(min_length=1)


class Not(_Node):
    """The part must be false; where the part is unknown (NULL), so is this."""

    op: Literal["not"]
    arg: Node


class Compare(_Node):
    """Column against one value. Text is compared by code point; times as `filters.rules.literal` reads them."""

    op: Literal["eq", "ne", "lt", "le", "gt", "ge"]
    column: ColumnName
    value: Scalar


class In(_Node):
    op: Literal["in"]
    column: ColumnName
    values: tuple[Scalar, ...] = Field(min_length=1, max_length=MAX_IN_LIST)


class Between(_Node):
    """Both ends belong to the range."""

    op: Literal["between"]
    column: ColumnName
    low: Scalar
    high: Scalar


class IsNull(_Node):
    op: Literal["is_null"]
    column: ColumnName


Leaf = Compare | In | Between | IsNull
Node = Annotated[All | Any_ | Not | Compare | In | Between | IsNull, Discriminator("op")]


def _children(node: object) -> list[object]:
    if isinstance(node, All | Any_):
        return list(node.args)
    if isinstance(node, Not):
        return [node.arg]
    if isinstance(node, Mapping):
        args = node.get("args")
        return [*(args if isinstance(args, list | tuple) else ()), *([node["arg"]] if "arg" in node else ())]
    return []


def bounded(tree: object) -> object:
    """`tree` as it is; ValueError when it is too deep or too big. Walks without recursion: depth is the attack."""
    level, depth, nodes = [tree], 0, 0
    while level:
        depth, nodes = depth + 1, nodes + len(level)
        if depth > MAX_DEPTH:
            raise ValueError(f"row filter deeper than {MAX_DEPTH} levels")
        if nodes > MAX_NODES:
            raise ValueError(f"row filter of more than {MAX_NODES} conditions")
        level = [child for node in level for child in _children(node)]
    return tree


RowFilter = Annotated[Node, BeforeValidator(bounded)]

for _made in (All, Any_, Not):
    _made.model_rebuild()
_ADAPTER: Final[TypeAdapter[Any]] = TypeAdapter(RowFilter)


def parse(tree: object) -> RowFilter:
    """A filter from JSON values; raises pydantic's ValidationError, which names the place."""
    parsed: RowFilter = _ADAPTER.validate_python(tree)
    return parsed


def parse_json(text: str | bytes) -> RowFilter:
    """A filter from JSON text; raises pydantic's ValidationError."""
    parsed: RowFilter = _ADAPTER.validate_json(text)
    return parsed


def all_of(*filters: RowFilter | None) -> RowFilter | None:
    """The filters joined by `and`; None when there is none. Raises ValueError when the whole grows too big."""
    present = tuple(each for each in filters if each is not None)
    if len(present) < 2:
        return present[0] if present else None
    joined = All(op="and", args=present)
    bounded(joined)
    return joined
