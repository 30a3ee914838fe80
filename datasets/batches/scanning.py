"""What departments hand in, shown to the malware scanner where one is configured: as it lies on disk, before the store has it and outside every transaction."""

from __future__ import annotations

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


def found_in(settings: Settings, path: Path) -> str:
    """What the scanner finds in the file; "" when it is clean, or when none is asked. Raises Unavailable where it gives no word."""
    if not settings.clamd or not settings.clamd_batches:
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


def of_source(settings: Settings, name: str, path: Path) -> None:
    """The same of a file that was fetched from a source. Raises InputRefused, by its name."""
    if found := found_in(settings, path):
        raise InputRefused(
            Text(
                f"{name} 中发现恶意软件（{found}），未收取；请来源单位清除后重新提供。",
                f"Malware ({found}) was found in {name}, and it was not taken in; let the source clean it and give it anew.",
            )
        )
