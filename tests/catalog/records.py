"""Dataset records for tests, made through the real service.

with house.write() as work:
    a_department(work, "traffic")                                # organisation + stewards `traffic-steward`, `traffic-reviewer`
    a_dataset(work, "DP-PK-001", "traffic")                      # published, two columns
    a_dataset(work, "DP-PK-002", "traffic", draft=True, title_zh="停车场实时余位")
"""

from __future__ import annotations

from typing import Any, Final

from auth.actor import SYSTEM, Actor
from catalog import service
from catalog.models import DatasetCreate, DatasetRead
from core.work import Work
from tests.people import a_person, actor_of, an_org

COLUMNS: Final[list[dict[str, Any]]] = [
    {
        "name": "lot_id", "title_zh": "停车场编码", "title_en": "Lot code", "definition_zh": "唯一编码",
        "type": "string", "level": 1, "required": True, "primary": True, "nullable": False,
    },
    {
        "name": "free_spaces", "title_zh": "余位", "title_en": "Free spaces", "type": "integer", "unit": "个",
        "level": 1, "required": True,
    },
]  # fmt: skip

COMPLETE: Final[dict[str, Any]] = {
    "title_zh": "停车场基础信息", "title_en": "Parking lots", "description_zh": "辖区停车场的位置与车位。",
    "description_en": "Where the lots are and how many spaces they have.", "keywords": ["停车", "车位"],
    "keywords_en": ["parking"], "contact": "0755-00000000", "license_id": "dapeng-open-terms",
    "version_notes": "初版", "catalog_class": "theme", "domain_code": "PK", "data_class": "public", "data_level": 1,
    "data_range": "03", "share_type": "1", "share_mode": "1", "open_type": "U", "auth_op_scope": "no",
    "formats": ["csv"], "update_freq": "5", "temporal_start": "2026-01-01", "temporal_end": "2026-12-31",
    "source_system": "停车管理平台", "legal_basis": "部门职责", "lineage": "平台导出，逐月核对",
}  # fmt: skip


def a_body(code: str, publisher: str, **changes: Any) -> DatasetCreate:
    """A complete record with two columns; `changes` replace fields."""
    return DatasetCreate.model_validate(
        {"resource_code": code, "publisher": publisher, "columns": COLUMNS} | COMPLETE | changes
    )


def a_dataset(work: Work, code: str, publisher: str, *, draft: bool = False, **changes: Any) -> DatasetRead:
    """A record in the catalogue; published unless `draft`."""
    made = service.create(work, SYSTEM, a_body(code, publisher, **changes))
    return made if draft else service.publish(work, SYSTEM, made.id)


def a_department(work: Work, org_id: str) -> Actor:
    """A source department with its stewards: `{org_id}-steward`, whose actor is returned, and `{org_id}-reviewer`."""
    an_org(work, org_id, kind="source_department")
    a_person(work, f"{org_id}-steward", org=org_id, roles=["steward"])
    a_person(work, f"{org_id}-reviewer", org=org_id, roles=["steward"])
    return actor_of(work, f"{org_id}-steward")
