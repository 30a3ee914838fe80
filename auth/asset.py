"""What the authorisation room must know of a dataset, as a frozen value handed in from above."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from core.errors import NotFound
from core.ids import DatasetId, OrgId
from core.text import Text

OpenType = Literal["U", "C", "N"]
IdentifierKind = Literal["DI", "QI", "SI", "none"]


@dataclass(frozen=True, slots=True)
class AssetColumn:
    """One column: its type word, level 1-4, and whether it identifies people (DI direct, QI quasi, SI sensitive)."""

    name: str
    title: Text
    type: str
    level: int
    identifier_kind: IdentifierKind = "none"


@dataclass(frozen=True, slots=True)
class Asset:
    """A dataset as grants see it. `org_id` is the source department; `level` is 1-4 (5 = 重要, 6 = 核心).

    `is_shared`: it came by 共享 from another department or region, whose consent a grant needs. `is_hidden`: 重要 or 核心, so that only
    the publishing side may know of it.
    """

    dataset_id: DatasetId
    title: Text
    org_id: OrgId
    level: int
    open_type: OpenType
    auth_op_scope: Literal["yes", "no", "negotiable"]
    is_published: bool
    columns: tuple[AssetColumn, ...]
    is_shared: bool = False
    is_hidden: bool = False
    _by_name: dict[str, AssetColumn] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {column.name: column for column in self.columns})

    @property
    def is_listed(self) -> bool:
        """Whether everybody may know that the dataset exists."""
        return self.is_published and not self.is_hidden

    def column(self, name: str) -> AssetColumn | None:
        return self._by_name.get(name)


def no_such_dataset(dataset_id: str) -> NotFound:
    """What whoever asks by a code is told when there is nothing, or nothing that he may know of."""
    return NotFound(
        Text(
            f"没有数据集 {dataset_id}；请在目录中查找。",
            f"There is no dataset {dataset_id}; look for it in the catalogue.",
        )
    )


def out_of_reach(asset: Asset, text: Text) -> NotFound:
    """What somebody is told who may not act on a dataset: `text` where everybody may know of it, else that there is none."""
    return NotFound(text) if asset.is_listed else no_such_dataset(asset.dataset_id)
