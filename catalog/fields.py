"""The fields of a dataset record, once: label, section, whether they are mandatory, and how a person fills them in.

Completeness, the edit form, the dataset page and the reference all come from this table. Sources of the mandatory marks:
政务信息资源目录编制指南 (core elements) and GB/T 43697-2024 (level).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from core.text import Text

Need = Literal["mandatory", "conditional", "optional"]
Kind = Literal["text", "textarea", "code", "codes", "words", "date", "number"]

GUIDE: Final = "政务信息资源目录编制指南"
GRADING: Final = "GB/T 43697-2024"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field. `codes` names the code list; `words` is a list of words, `codes` a choice of several values."""

    name: str
    label: Text
    section: str
    need: Need = "mandatory"
    kind: Kind = "text"
    codes: str | None = None
    hint: Text | None = None
    basis: str = GUIDE


SECTIONS: Final[dict[str, Text]] = {
    "identity": Text("基本信息", "Identity"),
    "classes": Text("分类与分级", "Classes and level"),
    "sharing": Text("共享、开放与授权运营", "Sharing, opening and authorised operation"),
    "coverage": Text("更新与范围", "Updates and coverage"),
    "origin": Text("来源与加工", "Origin and lineage"),
    "registration": Text("登记", "Registration"),
}

_F = FieldSpec
_WORDS: Final = Text("用逗号或换行分隔", "Separate with commas or line breaks")

FIELDS: Final[tuple[FieldSpec, ...]] = (
    _F("title_zh", Text("信息资源名称", "Title (Chinese)"), "identity"),
    _F("title_en", Text("英文名称", "Title (English)"), "identity"),
    _F("description_zh", Text("摘要", "Summary (Chinese)"), "identity", kind="textarea"),
    _F("description_en", Text("英文摘要", "Summary (English)"), "identity", "optional", "textarea"),
    _F("keywords", Text("关键词", "Keywords (Chinese)"), "identity", kind="words", hint=_WORDS),
    _F("keywords_en", Text("英文关键词", "Keywords (English)"), "identity", "optional", "words", hint=_WORDS),
    _F("contact", Text("联系方式", "Contact"), "identity", hint=Text("部门公开的电话或邮箱", "A public telephone or mail address of the department")),
    _F("license_id", Text("使用许可", "Licence"), "identity", kind="code", codes="license"),
    _F("version_notes", Text("版本说明", "Version notes (Chinese)"), "identity", kind="textarea"),
    _F("version_notes_en", Text("英文版本说明", "Version notes (English)"), "identity", "optional", "textarea"),
    _F("related_codes", Text("关联资源代码", "Related resource codes"), "identity", "optional", "words", hint=_WORDS),
    _F("record_type", Text("记录类型", "Kind of record"), "identity", "optional", "code", "record_type",
       hint=Text("系列本身没有数据；成员在各自的记录中登记“属于系列”", "A series holds no data itself; its members state that they are in it")),
    _F("relations", Text("与其他数据集的关系", "Relations to other datasets"), "identity", "optional", "words",
       hint=Text("每行一条，关系:资源代码，如 属于系列:DP-PK-S01、替代:DP-PK-001；也可在记录页逐条添加",
                 "One a line, kind:code, e.g. inSeries:DP-PK-S01, replaces:DP-PK-001; the record's page adds them one by one"),
       basis="DCAT 3"),
    _F("catalog_class", Text("信息资源分类", "Resource class"), "classes", kind="code", codes="catalog_class"),
    _F("domain_code", Text("主题领域", "Theme"), "classes", kind="code", codes="domain"),
    _F("data_class", Text("数据分类", "Data class"), "classes", kind="code", codes="data_class"),
    _F("data_level", Text("数据分级", "Data level"), "classes", kind="code", codes="data_level", basis=GRADING,
       hint=Text("不得低于任何一列的级别", "Never below the level of any column")),
    _F("data_kind", Text("数据对象", "What the data are about"), "classes", "optional", "codes", "data_kind",
       hint=Text("可多选：人、地、事、物、组织", "Several may apply: people, places, events, things, organisations")),
    _F("data_range", Text("数据范围", "Data range"), "classes", kind="code", codes="data_range"),
    _F("share_type", Text("共享类型", "Sharing type"), "sharing", kind="code", codes="share_type"),
    _F("share_condition", Text("共享条件", "Sharing condition (Chinese)"), "sharing", "conditional", "textarea"),
    _F("share_condition_en", Text("英文共享条件", "Sharing condition (English)"), "sharing", "optional", "textarea"),
    _F("share_mode", Text("共享方式", "Sharing channel"), "sharing", kind="code", codes="share_mode"),
    _F("open_type", Text("开放类型", "Open type"), "sharing", kind="code", codes="open_type"),
    _F("open_condition", Text("开放条件", "Opening condition (Chinese)"), "sharing", "conditional", "textarea"),
    _F("open_condition_en", Text("英文开放条件", "Opening condition (English)"), "sharing", "optional", "textarea"),
    _F("auth_op_scope", Text("授权运营属性", "Authorised operation"), "sharing", kind="code", codes="auth_op_scope"),
    _F("scenarios", Text("适用场景", "Scenarios of use"), "sharing", "optional", "codes", "scenario",
       hint=Text("可多选；供读者按场景查找，不改变授权", "Several may apply; readers find by them, grants are not changed by them")),
    _F("formats", Text("数据格式", "Formats"), "coverage", kind="codes", codes="file_format"),
    _F("update_freq", Text("更新周期", "Update frequency"), "coverage", kind="code", codes="update_freq"),
    _F("update_interval", Text("更新间隔", "Update interval"), "coverage", "conditional",
       hint=Text("ISO 8601 时长，如 PT5M、PT1H；更新周期为“其他”时必填", "ISO 8601 duration such as PT5M or PT1H; needed when the frequency is “other”")),
    _F("temporal_start", Text("时间范围起", "Covers from"), "coverage", kind="date"),
    _F("temporal_end", Text("时间范围止", "Covers until"), "coverage", kind="date"),
    _F("spatial", Text("空间范围", "Area covered (Chinese)"), "coverage", "conditional"),
    _F("spatial_en", Text("英文空间范围", "Area covered (English)"), "coverage", "optional"),
    _F("spatial_codes", Text("行政区划", "Administrative divisions"), "coverage", "optional", "words", basis="GB/T 2260",
       hint=Text("代码或名称，如 440307 或 深圳市龙岗区，用逗号分隔；没有代码的功能区写所属区划", "Codes or names such as 440307 or 深圳市龙岗区, separated by commas; for an area without a code its statutory division")),
    _F("bbox", Text("外包框（西,南,东,北）", "Bounding box (west,south,east,north)"), "coverage", "optional",
       hint=Text("度，如 114.28,22.40,114.65,22.72", "Degrees, e.g. 114.28,22.40,114.65,22.72"), basis="GeoJSON RFC 7946"),
    _F("crs", Text("坐标系", "Coordinate reference system"), "coverage", "conditional", "code", "crs",
       hint=Text("含坐标或图形列时必填", "Needed when a column holds coordinates or shapes")),
    _F("spatial_resolution_m", Text("空间精度（米）", "Spatial resolution (m)"), "coverage", "optional", "number"),
    _F("origin", Text("取得方式", "How it was obtained"), "origin", "optional", "code", "origin",
       hint=Text("由其他部门或地区共享取得的数据，须登记提供单位的同意后方可纳入授权", "Data shared by another department or region enter a grant only with its consent on record")),
    _F("shared_from", Text("共享提供单位", "Shared by"), "origin", "conditional"),
    _F("source_system", Text("数据来源系统", "Source system (Chinese)"), "origin"),
    _F("source_system_en", Text("英文来源系统", "Source system (English)"), "origin", "optional"),
    _F("source_system_level", Text("来源系统层级", "Level of the source system"), "origin", "optional", "code", "source_system_level"),
    _F("legal_basis", Text("职责或法规依据", "Legal basis (Chinese)"), "origin", kind="textarea"),
    _F("legal_basis_en", Text("英文依据", "Legal basis (English)"), "origin", "optional", "textarea"),
    _F("lineage", Text("采集方式与加工过程", "Collection and processing (Chinese)"), "origin", kind="textarea"),
    _F("lineage_en", Text("英文采集与加工", "Collection and processing (English)"), "origin", "optional", "textarea"),
    _F("registration_code", Text("登记编码", "Registration code"), "registration", "conditional"),
    _F("registration_state", Text("登记状态", "Registration state"), "registration", "optional", "code", "registration_state"),
    _F("registration_valid_to", Text("登记有效期至", "Registration valid until"), "registration", "conditional", "date"),
)  # fmt: skip

BY_NAME: Final[dict[str, FieldSpec]] = {spec.name: spec for spec in FIELDS}
