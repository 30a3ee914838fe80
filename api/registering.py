"""The registration pack (R16): what was handed in as JSON and workbook, with the list of attachments, in one ZIP."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import rfc8785

from api.packing import zip_of
from auth import audit
from auth.actor import Actor
from auth.asset import Asset
from auth.identity import organisations
from auth.registrations import service
from auth.registrations.rules import PAPER_NAMES, PARTS, Body
from auth.registrations.service import RegistrationRead
from auth.registrations.workflow import ACT_NAMES, STATE_NAMES
from core.errors import NotFound
from core.ids import DatasetId
from core.sheets import Sheet, xlsx_of
from core.work import Work

_COLUMNS: Final = ("name", "title_zh", "title_en", "type", "level", "identifier_kind")


def document(work: Work, actor: Actor, registration_id: str, assets: service.Assets) -> dict[str, Any]:
    """The pack as one document. NotFound for whoever may not read what was handed in."""
    read = service.registration(work, actor, registration_id)
    if read.body is None:
        raise service.BOOK.missing()
    org = organisations.organisation(work, read.department_id)
    return {
        "registration": read.model_dump(mode="json", exclude={"body", "is_readable", "note", "is_valid", "is_overdue"}),
        "subject": {"id": org.id, "name_zh": org.name_zh, "name_en": org.name_en, "credit_code": org.credit_code or ""},
        "dataset": _dataset(read, assets),
        "parts": {name: getattr(read.body, name) for name in PARTS},
        "attachments": [each.model_dump(mode="json") for each in read.body.attachments],
    }  # fmt: skip


def _dataset(read: RegistrationRead, assets: service.Assets) -> dict[str, Any]:
    try:
        asset: Asset = assets(DatasetId(read.dataset_id))
    except NotFound:
        return {"id": read.dataset_id, "columns": []}
    return {
        "id": asset.dataset_id, "title_zh": asset.title.zh, "title_en": asset.title.en, "level": asset.level,
        "open_type": asset.open_type, "auth_op_scope": asset.auth_op_scope, "is_shared": asset.is_shared,
        "columns": [
            {"name": c.name, "title_zh": c.title.zh, "title_en": c.title.en, "type": c.type, "level": c.level, "identifier_kind": c.identifier_kind}
            for c in asset.columns
        ],
    }  # fmt: skip


def pack(work: Work, actor: Actor, registration_id: str, assets: service.Assets) -> bytes:
    """JSON, workbook and list of attachments as a ZIP; that it was taken is an event with its digest. Equal records give equal bytes."""
    found = document(work, actor, registration_id, assets)
    listed = [[PAPER_NAMES[each["paper"]].zh, each["name"], each["sha256"]] for each in found["attachments"]]
    made = zip_of(
        {
            "registration.json": rfc8785.dumps(found) + b"\n",
            "registration.xlsx": _workbook(found, listed),
            "attachments.txt": "".join(f"{sha}  {name}  ({kind})\n" for kind, name, sha in listed).encode(),
        }
    )
    digest = hashlib.sha256(made).hexdigest()
    audit.record(work, actor, "registration.packed", subject=registration_id, dataset_id=found["registration"]["dataset_id"], payload={"sha256": digest})  # fmt: skip
    return made


def _workbook(found: dict[str, Any], listed: list[list[str]]) -> bytes:
    facts, subject = found["registration"], found["subject"]
    Body.model_validate(found["parts"] | {"attachments": found["attachments"]})
    named = facts | {"act": ACT_NAMES[facts["act"]].zh, "state": STATE_NAMES[facts["state"]].zh}
    heads = ["项目 Item", "内容 Content"]
    return xlsx_of(
        [
            Sheet("登记 registration", heads, [[key, value] for key, value in named.items()]),
            Sheet("主体 subject", heads, list(map(list, subject.items()))),
            Sheet("材料 parts", heads, [[f"{PARTS[name].zh} {PARTS[name].en}", text] for name, text in found["parts"].items()]),
            Sheet("数据项 columns", list(_COLUMNS), [[row[name] for name in _COLUMNS] for row in found["dataset"]["columns"]]),
            Sheet("附件 attachments", ["类别 Kind", "名称 Name", "SHA-256"], listed),
        ]
    )  # fmt: skip
