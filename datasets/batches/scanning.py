"""What departments hand in, shown to the malware scanner where one is configured: as it lies on disk, before the store has it and outside every transaction."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from auth import audit
from auth.actor import Actor
from core.errors import AccessRefused, InputRefused, Reason
from core.scanning import Scanner
from core.settings import Settings
from core.text import Text
from core.work import Work

BASIS: Final = "恶意软件检查 · scan for malware (DATAGRANT_CLAMD)"


CLEAN: Final = "clean"
NOT_SCANNED: Final = "not_scanned"
SCAN_NAMES: Final[Mapping[str, Text]] = {
    CLEAN: Text("已扫描，未发现恶意软件", "Shown to the malware scanner: clean"),
    NOT_SCANNED: Text(
        "未扫描（未配置扫描器，或已对数据停用）",
        "Not shown to a scanner: none was set, or it was off for data",
    ),
    "": Text("没有记载（旧版本收取）", "Not on record: taken in by an earlier version"),
}


def is_shown(settings: Settings) -> bool:
    """Whether data is shown to a scanner here."""
    return bool(settings.clamd) and settings.clamd_batches


def seen(settings: Settings) -> str:
    """What stands with a file that was let in."""
    return CLEAN if is_shown(settings) else NOT_SCANNED


def found_in(settings: Settings, path: Path) -> str:
    """What the scanner finds in the file; "" when it is clean, or when none is asked. Raises Unavailable where it gives no word."""
    if not is_shown(settings):
        return ""
    return Scanner(settings.clamd, settings.clamd_seconds).found_in(path)


def note_infected(work: Work, actor: Actor, dataset_id: str, sha256: str, found: str) -> None:
    """That infected bytes were offered: who, for what, their digest, what was found. The bytes are kept nowhere."""
    payload = {"sha256": sha256, "found": found[:200]}
    audit.record(work, actor, "batch.infected", subject=dataset_id, dataset_id=dataset_id, payload=payload)


def infected(found: str) -> AccessRefused:
    text = Text(
        f"文件中发现恶意软件（{found}），未收取；请在本机清除后重新导出并提交。",
        f"Malware ({found}) was found in the file, and nothing was taken in; clean your machine, export the file anew and hand that in.",
    )
    return AccessRefused(text, reasons=[Reason("batch-infected", text, BASIS, {"found": found})])


def of_source(settings: Settings, name: str, path: Path) -> str:
    """The same of a file that was fetched from a source; what stands with it. Raises InputRefused, by its name."""
    if found := found_in(settings, path):
        raise InputRefused(
            Text(
                f"{name} 中发现恶意软件（{found}），未收取；请来源单位清除后重新提供。",
                f"Malware ({found}) was found in {name}, and it was not taken in; let the source clean it and give it anew.",
            )
        )
    return seen(settings)
