"""The self-check of a product as it is stored: the points that were affirmed."""

from __future__ import annotations

from typing import Final

from pydantic import TypeAdapter

from auth.products.rules import TERMS
from auth.products.tables import ProductRow
from auth.stored import readable
from core.text import Text

_POINTS: Final = TypeAdapter(list[str])
_UNREADABLE: Final = Text(
    "产品“{zh}”（{id}）的合规自查含有本版本不能读取的内容（{places}）；请联系安全管理员。",
    "The self-check of the product “{en}” ({id}) holds what this version cannot read ({places}). Tell the security officer.",
)


def affirmed(row: ProductRow) -> list[str]:
    """Codes of `rules.CHECKS`, and of points of earlier lists. Raises Unavailable where this version cannot read them."""
    with readable(_UNREADABLE, basis=TERMS, zh=row.name_zh, en=row.name_en, id=row.id):
        return _POINTS.validate_json(row.checks)
