"""What one sample dataset is made of, and the short forms that describe it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict

from core.text import Text

INTAKE_KEYS: Final = ("name", "type", "title_zh", "title_en", "unit", "required", "level")
INTAKE_TAGS: Final = ("identifier_kind", "code_list")


class Expected(TypedDict):
    """What the gate must say. `counts` names every rule that fails; None where a rule counts no rows."""

    verdict: str
    counts: dict[str, int | None]


@dataclass(frozen=True, slots=True)
class SampleFile:
    """A batch as a department would hand it in; `make()` gives the same bytes every time.

    `defects` tells what was spoilt, empty for a clean batch.
    """

    name: str
    make: Callable[[], bytes]
    expected: Expected
    defects: tuple[Text, ...] = ()


@dataclass(frozen=True)
class SampleDataset:
    id: str
    record: dict[str, Any]
    columns: list[dict[str, Any]]
    suite: dict[str, Any]
    clean: SampleFile
    defective: SampleFile
    layout: dict[str, Any] = field(default_factory=dict)
    export: dict[str, Any] | None = None
    """The suite that every extract must fulfil before it is handed out, where the dataset has one."""
    doubtful: SampleFile | None = None
    """Passes with warnings that a person must confirm with a note, where the sample has such a batch."""

    @property
    def batches(self) -> tuple[SampleFile, ...]:
        return tuple(batch for batch in (self.clean, self.defective, self.doubtful) if batch is not None)

    @property
    def expected(self) -> Expected:
        """What the gate says of the defective batch."""
        return self.defective.expected

    @property
    def dictionary(self) -> dict[str, Any]:
        """The data dictionary in the form that intake reads."""
        keys = INTAKE_KEYS + INTAKE_TAGS
        return {**self.layout, "columns": [{key: column[key] for key in keys} for column in self.columns]}


def passing() -> Expected:
    return {"verdict": "passed", "counts": {}}


def failing(**counts: int | None) -> Expected:
    """Rule ids are written with underscores here because Python wants it so; they contain hyphens."""
    return {"verdict": "failed", "counts": {rule.replace("_", "-"): n for rule, n in counts.items()}}


def warned(**counts: int | None) -> Expected:
    """As `failing`, but no critical rule is among them."""
    return {"verdict": "passed", "counts": failing(**counts)["counts"]}


def column(
    name: str,
    title: Text,
    kind: str,
    definition: Text,
    *,
    unit: str | None = None,
    level: int = 1,
    identifier: str = "none",
    code_list: str | None = None,
    primary: bool = False,
    nullable: bool = False,
) -> dict[str, Any]:
    """One information item. identifier: DI direct, QI quasi, SI business-sensitive, none.

    `required` means that the column must be present in the file; `nullable` that a cell may be empty.
    """
    return {
        "name": name,
        "title_zh": title.zh,
        "title_en": title.en,
        "type": kind,
        "unit": unit,
        "required": True,
        "level": level,
        "identifier_kind": identifier,
        "code_list": code_list,
        "definition_zh": definition.zh,
        "definition_en": definition.en,
        "primary": primary,
        "nullable": nullable,
    }


OPEN_TERMS: Final = {
    "U": ("dapeng-open-terms", Text("无", "None")),
    "C": (
        "dapeng-conditional-terms",
        Text(
            "须说明场景与用途，签署安全承诺，经数源部门同意后按授权列使用",
            "State scenario and purpose, sign a security commitment, use only the granted columns "
            "after the source department consents",
        ),
    ),
}
AUTHORISED_TERMS: Final = (
    "dapeng-authorised-terms",
    Text(
        "仅以授权运营方式提供聚合或脱敏结果，须经安全审核",
        "Aggregated or masked results by authorised operation only, after a security review",
    ),
)


def record(
    dataset_id: str,
    title: Text,
    description: Text,
    *,
    publisher: str,
    keywords: Sequence[Text],
    period: tuple[str, str],
    freq: str,
    interval: str | None,
    level: int = 1,
    open_type: str = "U",
    auth_op: str = "no",
    data_class: str = "public",
    source_system: Text,
    lineage: Text,
    formats: Sequence[str],
    crs: str | None = None,
) -> dict[str, Any]:
    """The mandatory catalogue fields. freq: code 1–9; interval: ISO 8601 duration where the code needs one."""
    license_id, condition = AUTHORISED_TERMS if level >= 3 else OPEN_TERMS[open_type]
    free_to_share = level == 1
    return {
        "resource_code": dataset_id,
        "title_zh": title.zh,
        "title_en": title.en,
        "description_zh": description.zh,
        "description_en": description.en,
        "catalog_class": "theme",
        "domain_code": dataset_id.split("-")[1],
        "keywords": [word.zh for word in keywords],
        "keywords_en": [word.en for word in keywords],
        "publisher": publisher,
        "contact": f"{publisher}@example.invalid",
        "formats": list(formats),
        "share_type": "1" if free_to_share else "2",
        "share_condition": "" if free_to_share else "限履行职责需要，按最小够用原则提供",
        "share_condition_en": "" if free_to_share else "For statutory duties only, no more than needed",
        "share_mode": "1",
        "open_type": open_type,
        "open_condition": condition.zh,
        "open_condition_en": condition.en,
        "auth_op_scope": auth_op,
        "update_freq": freq,
        "update_interval": interval,
        "data_level": level,
        "data_class": data_class,
        "data_range": "03",
        "temporal_start": period[0],
        "temporal_end": period[1],
        "spatial": "深圳市大鹏新区",
        "spatial_en": "Dapeng New District, Shenzhen",
        "spatial_codes": [
            "440307"
        ],  # a new district has no code of its own; Longgang is its statutory division
        "crs": crs,
        "source_system": source_system.zh,
        "source_system_en": source_system.en,
        "legal_basis": "部门职责；《政务数据共享条例》（国务院令第809号）",
        "legal_basis_en": "Departmental duties; Regulation on Government Data Sharing (State Council Order 809)",
        "lineage": lineage.zh,
        "lineage_en": lineage.en,
        "license_id": license_id,
        "version_notes": "合成示例数据",
        "version_notes_en": "Synthetic sample data",
    }
