"""DP-HR-002 heritage inspections: names an inspector, shows where relics are weak, hence not open."""

from __future__ import annotations

from functools import cache
from typing import Final

import pandas as pd

from api.sample import checks, files
from api.sample.model import SampleDataset, SampleFile, column, failing, passing, record
from api.sample.places import person, repeated, rng, spoil
from api.sample.relics import COUNT as RELICS
from api.sample.relics import ID as REGISTER
from core.text import Text

ID: Final = "DP-HR-002"
COUNT: Final = 2400
PERIOD: Final = ("2026-07-01", "2026-09-30")
RISKS: Final = ("无", "渗漏", "开裂", "白蚁", "倾斜", "火患", "人为破坏")
SHARES: Final = (0.70, 0.10, 0.07, 0.05, 0.02, 0.04, 0.02)
ACTIONS: Final = ("记录观察", "现场清理", "临时支护", "报修", "报警")

COLUMNS: Final = [
    column("insp_id", Text("巡查编号", "Inspection number"), "string", Text("I-年份加五位数字", "I-, year and five digits"), level=2, primary=True),
    column("relic_id", Text("文物编码", "Relic code"), "string", Text("见不可移动文物名录", "As in the heritage register"), level=2),
    column("insp_time", Text("巡查时间", "Inspected at"), "datetime", Text("北京时间", "Beijing time"), level=2),
    column("inspector", Text("巡查人", "Inspector"), "string", Text("姓名，不得出域", "Name, never leaves"), level=3, identifier="DI"),
    column("risk_type", Text("病害类型", "Risk"), "string", Text("发现的病害或隐患", "Damage or danger found"), level=3, code_list="relic_risk"),
    column("severity", Text("严重程度", "Severity"), "integer", Text("1 轻微至 4 严重", "1 slight to 4 grave"), level=3),
    column("photo_count", Text("照片数", "Photographs"), "integer", Text("随附照片", "Attached"), unit="张", level=2),
    column("action", Text("处置措施", "Action"), "string", Text("采取的措施", "What was done"), level=2, code_list="relic_action", nullable=True),
    column("fixed_time", Text("修复时间", "Mended at"), "datetime", Text("未修复为空", "Empty until mended"), level=2, nullable=True),
]  # fmt: skip

SUITE: Final = checks.suite(
    ID,
    checks.exactly_columns("HR2-columns", COLUMNS),
    checks.unique("HR2-unique", ["insp_id"], Text("巡查编号不得重复", "An inspection number occurs once")),
    checks.exists("HR2-relic", ["relic_id"], REGISTER, Text("文物须已在名录中登记", "The relic is registered")),
    checks.at_least("HR2-order", "fixed_time", "insp_time", Text("修复不得早于巡查", "Not mended before inspected"), code="0503"),
    checks.known("HR2-risk", "risk_type", RISKS, Text("病害类型须在代码表内", "The risk is on the code list")),
    checks.within("HR2-severity", "severity", 1, 4, Text("严重程度须为 1 至 4", "The severity is 1 to 4")),
    checks.none_where("HR2-action", "0104", "severity >= 3 AND (action IS NULL OR action = '记录观察')",
                      Text("程度 3 以上须采取处置措施", "From severity 3 something is done")),
    checks.present("HR2-inspector", "inspector", Text("巡查人必填", "An inspection has its inspector")),
    checks.free_of("HR2-citizen-id", "inspector", checks.CITIZEN_ID, Text("巡查人栏不得填写身份证号", "No citizen number in the name")),
    checks.within("HR2-photos", "photo_count", 1, 200, Text("至少一张照片", "At least one photograph"), severity="warning"),
    checks.within("HR2-period", "insp_time", f"{PERIOD[0]}T00:00:00", f"{PERIOD[1]}T23:59:59", Text("巡查时间须在统计时段内", "Inspected in the period"), code="0501"),
)  # fmt: skip


@cache
def inspections() -> pd.DataFrame:
    draw = rng(14)
    minutes = sorted(draw.integers(0, 92 * 540, COUNT))
    team = [person(draw) for _ in range(14)]
    rows = []
    for i, minute in enumerate(minutes, start=1):
        at = pd.Timestamp(PERIOD[0]) + pd.Timedelta(
            days=int(minute // 540), hours=9, minutes=int(minute % 540)
        )
        risk = str(draw.choice(RISKS, p=SHARES))
        severity = 1 if risk == "无" else int(draw.choice([1, 2, 3, 4], p=[0.4, 0.35, 0.2, 0.05]))
        mended = risk != "无" and draw.random() < 0.6
        rows.append(
            {
                "insp_id": f"I-2026{i:05d}",
                "relic_id": f"DP-H{int(draw.integers(1, RELICS + 1)):03d}",
                "insp_time": at,
                "inspector": team[draw.integers(len(team))],
                "risk_type": risk,
                "severity": severity,
                "photo_count": int(1 + draw.poisson(2)),
                "action": ACTIONS[draw.integers(2, 5)]
                if severity >= 3
                else ACTIONS[0]
                if risk != "无"
                else None,
                "fixed_time": at + pd.Timedelta(hours=int(2 + draw.gamma(1.5, 60))) if mended else pd.NaT,
            }
        )
    return pd.DataFrame(rows)


def _csv(frame: pd.DataFrame) -> bytes:
    return files.as_csv(files.titled(frame, COLUMNS), encoding="gb18030", sep=";")


def _defective() -> bytes:
    frame = inspections().copy()
    severe = [i for i, value in enumerate(frame["severity"]) if value >= 3]
    mended = [i for i, at in enumerate(frame["fixed_time"]) if at is not pd.NaT and i not in severe]
    slight = [i for i, risk in enumerate(frame["risk_type"]) if risk == "无"]
    spoil(frame, severe[:5], action=None)
    spoil(frame, mended[:4], fixed_time=frame["insp_time"].iloc[mended[:4]] - pd.Timedelta(days=2))
    spoil(frame, slight[:3], relic_id="DP-H999")
    spoil(frame, slight[3:5], severity=7, action="报修")
    spoil(frame, slight[5:9], risk_type="其他病害")
    spoil(frame, slight[9:11], inspector="440300200101010010")
    spoil(frame, slight[11:14], inspector=None)
    spoil(frame, slight[14:20], photo_count=0)
    spoil(frame, slight[20:22], insp_time=pd.Timestamp("2023-07-01 10:00"))
    return _csv(repeated(frame, slight[30:32]))


DATASET: Final = SampleDataset(
    ID,
    record(
        ID,
        Text("文物巡查与病害", "Heritage inspections"),
        Text(
            "文物巡查发现的病害、程度、处置与修复情况；仅供保护研究与保险按授权使用。",
            "Damage found at inspections, how grave, what was done and when it was mended; for conservation and insurance under a grant only.",
        ),
        publisher="org-tourism",
        keywords=[Text("文物", "heritage"), Text("巡查", "inspection"), Text("病害", "damage")],
        period=PERIOD,
        freq="4",
        interval=None,
        level=3,
        open_type="C",
        auth_op="yes",
        data_class="personal",
        source_system=Text("文物巡查系统", "Heritage inspection system"),
        lineage=Text("巡查员移动端填报", "Entered by the inspectors on the spot"),
        formats=["csv", "parquet"],
    ),
    COLUMNS,
    SUITE,
    SampleFile("文物巡查_2026Q3_更正.csv", lambda: _csv(inspections()), passing()),
    SampleFile(
        "文物巡查_2026Q3.csv",
        _defective,
        failing(
            HR2_unique=4,
            HR2_relic=3,
            HR2_order=4,
            HR2_risk=4,
            HR2_severity=2,
            HR2_action=5,
            HR2_inspector=3,
            HR2_citizen_id=2,
            HR2_photos=6,
            HR2_period=2,
        ),
        (
            Text("5 条严重病害未处置，4 条修复早于巡查", "5 grave cases without action, 4 mended before inspected"),
            Text("3 个文物编码不在名录，4 条未知病害，2 条程度为 7", "3 unknown relics, 4 unknown risks, 2 of severity 7"),
            Text("2 条在姓名栏填身份证号，3 条无巡查人", "2 citizen numbers in place of a name, 3 without an inspector"),
            Text("6 条无照片，2 条重复，2 条为 2023 年旧数据", "6 without photographs, 2 twice, 2 stale of 2023"),
        ),
    ),
)  # fmt: skip
