"""The documents that a release's manifest names beside its files: its verdict, the counts of it, its suite.

The verdict and the suite are rows that never change; written out with sorted keys they are the same bytes each time, so nothing is
stored twice. The verdict holds values of the data and stays with the department; the counts are for everybody who sees the release.
The verdict carries a random salt, without which its public digest would let guesses at a withheld value be tried out.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final, Literal

from auth.actor import Actor
from core.errors import AccessRefused, Conflict, NotFound, Reason
from core.files import FileStore
from core.text import Text
from core.work import Work
from datasets import gate
from datasets.releases import access
from datasets.releases.hashes import sm3
from datasets.releases.tables import ReleaseRow
from datasets.verdicts import Seen, of_release
from quality.tables import SuiteVersionRow, VerdictRow

Document = Literal["counts", "verdict", "suite"]
FORMAT: Final = "datagrant-verdict-counts/1"
WHOLE: Final = "datagrant-verdict-whole/1"
_COUNTED: Final = ("type", "severity", "outcome", "element_count", "unexpected_count", "unexpected_percent")


def written(body: Any) -> bytes:  # noqa: ANN401 - any JSON
    """JSON whose bytes depend on the content alone: keys sorted, no blanks, every number as it was stored."""
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def documents(stored: VerdictRow, suite: SuiteVersionRow, salt: str) -> dict[Document, bytes]:
    """All three, as they are handed out and hashed."""
    whole = {
        "format": WHOLE, "verdict_id": stored.id, "content_sha256": stored.content_sha256, "salt": salt,
        "result": stored.result,
    }  # fmt: skip
    return {
        "counts": written(_counts(stored, suite)),
        "verdict": written(whole),
        "suite": written(suite.suite),
    }


def _counts(stored: VerdictRow, suite: SuiteVersionRow) -> dict[str, Any]:
    """What was judged, by what, and each rule's outcome: no bound, no example, no row."""
    found = stored.result
    rules = [
        {
            "place": place,
            "rule_id": each["meta"].get("rule_id"),
            **{name: each.get(name) for name in _COUNTED},
        }
        for place, each in enumerate(found["expectations"], start=1)
    ]
    return {
        "format": FORMAT, "verdict_id": stored.id, "verdict": found["verdict"], "rows": found["rows"],
        "content_sha256": stored.content_sha256, "engine": found["engine"], "gx_version": found["gx_version"],
        "suite_number": suite.number, "statistics": found["statistics"], "rules": rules,
    }  # fmt: skip


def digests(found: dict[Document, bytes]) -> dict[str, dict[str, str | int]]:
    """Both hashes and the size of each, as the manifest names them."""
    return {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "sm3": sm3(data), "size_bytes": len(data)}
        for name, data in sorted(found.items())
    }


def of_row(work: Work, row: ReleaseRow, salt: str) -> dict[Document, bytes]:
    """A release's documents. Raises NotFound where no verdict is kept."""
    stored = gate.verdict_row(work, row.verdict_id)
    if stored is None:
        raise NotFound(Text("该版本没有留存的校验结论。", "No verdict is kept for this release."))
    return documents(stored, gate.suite_version(work, row.suite_version_id), salt)


def take(work: Work, files: FileStore, actor: Actor, release_id: str, which: Document) -> bytes:
    """One document, byte for byte as the manifest names it. Raises Conflict where the stored verdict is another one than was signed."""
    seen = of_release(work, actor, release_id)
    _refuse_values(seen, which)
    row = work.db.get_one(ReleaseRow, release_id)
    data = of_row(work, row, row.verdict_salt or "")[which]
    with files.open(access.manifest(work, actor, release_id)) as manifest:
        named = json.load(manifest)["gate"].get("documents", {}).get(which)
    if named is not None and named != digests({which: data})[which]:
        text = Text(
            "留存的内容与已签名清单所载摘要不符；请通知系统管理员核查。",
            "What is stored is not what the signed manifest names; tell the system administrator.",
        )
        raise Conflict(text, reasons=[Reason("document-altered", text, "docs/releases.md")])
    return data


def _refuse_values(seen: Seen, which: Document) -> None:
    sight = seen.sight
    may = {
        "counts": True,
        "verdict": sight.is_insider and sight.values and sight.rules,
        "suite": sight.rules,
    }
    if not may[which]:
        text = Text(
            "该文件含有数据的取值或规则的界限，您不能查看；结论的计数（counts）对可见此版本者公开。",
            "This document holds values of the data or bounds of rules that you may not see; the counts are open to whoever sees the release.",
        )
        raise AccessRefused(text, reasons=[Reason("values-withheld", text, "docs/quality.md")])
