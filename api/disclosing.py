"""The disclosure pack: the year as JSON, as a workbook and as a page that stands alone, in one ZIP. Equal records give equal bytes."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import Any, Final

import rfc8785

from api.web import environment
from auth import audit
from auth.actor import Actor
from auth.supervision.disclosure import Disclosure, disclosure, sections
from core.sheets import Sheet, xlsx_of
from core.text import Text
from core.work import Work

_EPOCH: Final = (2026, 1, 1, 0, 0, 0)
SECTIONS: Final = {
    "bodies": Text("实施机构信息", "Implementing body"),
    "authorisations": Text("授权信息", "Authorisations"),
    "fee_caps": Text("收费上限", "Fee caps"),
    "operators": Text("运营机构信息", "Operators"),
    "resources": Text("授权数据资源及使用", "Resources and their use"),
    "products": Text("产品和服务清单", "Products and services"),
    "fees": Text("实际收费", "Fees charged"),
    "figures": Text("汇总", "Figures"),
    "refusals": Text("不予授权的理由", "Reasons of refusal"),
    "missing": Text("待补充", "To be completed"),
}


def pack(work: Work, actor: Actor, year: int) -> bytes:
    """The pack of a year, as the records stand now; that it was made is an event with its digest."""
    found = disclosure(work, year)
    parts = {
        "disclosure.json": rfc8785.dumps(found.model_dump(mode="json")) + b"\n",
        "disclosure.xlsx": _workbook(found),
        "disclosure.zh.html": _page(found, "zh"),
        "disclosure.en.html": _page(found, "en"),
    }
    sums = "".join(f"{hashlib.sha256(body).hexdigest()}  {name}\n" for name, body in sorted(parts.items()))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as out:
        for name, body in sorted((parts | {"SHA256SUMS": sums.encode()}).items()):
            member = zipfile.ZipInfo(name, _EPOCH)
            member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            out.writestr(member, body)
    digest = hashlib.sha256(made.getvalue()).hexdigest()
    payload = {"year": year, "sha256": digest, "missing": len(found.missing)}
    audit.record(work, actor, "disclosure.taken", subject=f"disclosure/{year}", payload=payload)
    return made.getvalue()


def _workbook(found: Disclosure) -> bytes:
    return xlsx_of(
        [
            Sheet(f"{SECTIONS[name].zh} {name}", _heads(rows), [list(row.values()) for row in rows])
            for name, rows in sections(found)
        ]
    )


def _heads(rows: list[dict[str, Any]]) -> list[str]:
    return list(rows[0]) if rows else ["—"]


def _page(found: Disclosure, lang: str) -> bytes:
    template = environment().get_template("disclosure/standalone.html")
    shown = [(name, SECTIONS[name], _heads(rows), rows) for name, rows in sections(found)]
    return template.render(found=found, shown=shown, lang=lang).encode()
