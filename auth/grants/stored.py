"""The policy of a grant as it is stored: whole, or what is told of many grants where the rest cannot be read."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, TypeAdapter

from auth.grants.tables import GrantFacts, GrantRow
from auth.policy.model import LEAVING, GrantPolicy, Use
from auth.policy.stored import stored_policy
from auth.stored import if_readable, readable
from core.text import Text

_ANY: Final = TypeAdapter(dict[str, Any])
_NOT_NOTED: Final = frozenset({Use.DENIED.value, Use.FILTER_ONLY.value})
_LEAVING: Final = frozenset(use.value for use in LEAVING)
_UNREADABLE: Final = Text(
    "授权 {id} 的条款含有本版本不能执行的内容（{places}），已停止使用；请联系安全管理员。",
    "The policy of grant {id} holds terms that this version cannot enforce ({places}); it is out of use. Tell the security officer.",
)


class Outline(BaseModel):
    """What registers tell of a policy. Its other members may be such as this version does not know."""

    model_config = ConfigDict(frozen=True)
    scenario_id: str
    purposes: tuple[str, ...]
    delivery_forms: tuple[str, ...]


class _Scenario(BaseModel):
    scenario_id: str


class _Column(BaseModel):
    name: str
    use: str


class _Columns(BaseModel):
    columns: tuple[_Column, ...]


def policy_of(found: GrantRow | GrantFacts) -> GrantPolicy:
    """The stored policy. Raises Unavailable for terms that this version does not know: what cannot be read is not carried out."""
    return stored_policy(found.policy, _UNREADABLE, id=found.id)


def as_stored(row: GrantRow) -> dict[str, Any]:
    """The policy as it is stored, whether this version knows its words or not. Raises Unavailable where it is no JSON."""
    with readable(_UNREADABLE, id=row.id):
        return _ANY.validate_json(row.policy)


def outline_of(grant_id: str, policy: str) -> Outline:
    """Raises Unavailable where not even that can be told."""
    with readable(_UNREADABLE, id=grant_id):
        return Outline.model_validate_json(policy)


def scenario_of(row: GrantRow) -> str | None:
    """The scenario, also of a grant whose other terms cannot be read; None where not even that can be told."""
    return if_readable(_scenario, row)


def uses_of(row: GrantRow) -> dict[str, str] | None:
    """The use of each column by its name, as `scenario_of` tells the scenario."""
    return if_readable(_uses, row)


def leaving(row: GrantRow) -> tuple[str, ...]:
    """Columns that may leave under the grant; none where they cannot be told, for it is out of use."""
    return tuple(name for name, use in (uses_of(row) or {}).items() if use in _LEAVING)


def read_by_name(row: GrantRow) -> tuple[str, ...]:
    """Columns of which each use is noted: all that are granted but those that only choose rows; none where they cannot be told."""
    return tuple(name for name, use in (uses_of(row) or {}).items() if use not in _NOT_NOTED)


def _scenario(row: GrantRow) -> str:
    with readable(_UNREADABLE, id=row.id):
        return _Scenario.model_validate_json(row.policy).scenario_id


def _uses(row: GrantRow) -> dict[str, str]:
    with readable(_UNREADABLE, id=row.id):
        return {each.name: each.use for each in _Columns.model_validate_json(row.policy).columns}
