"""DP-WX-002 weather warnings: CSV with line breaks inside the quoted text, some warnings not cancelled yet."""

from __future__ import annotations

from functools import cache
from typing import Final

import pandas as pd

from api.sample import checks, files
from api.sample.model import SampleDataset, SampleFile, column, failing, passing, record
from api.sample.places import SUBDISTRICTS, repeated, rng, spoil
from core.text import Text

ID: Final = "DP-WX-002"
COUNT: Final = 420
PERIOD: Final = ("2026-01-01", "2026-10-08")
LEVELS_OF: Final = {
    "台风": "白蓝黄橙红",
    "雷雨大风": "蓝黄橙红",
    "暴雨": "黄橙红",
    "高温": "黄橙红",
    "寒冷": "黄橙红",
    "大雾": "黄橙红",
    "道路结冰": "黄橙红",
    "森林火险": "黄橙红",
    "冰雹": "橙红",
    "灰霾": "黄",
}
WINTER: Final = ("寒冷", "大雾", "森林火险", "灰霾")
SUMMER: Final = ("台风", "雷雨大风", "暴雨", "高温")

COLUMNS: Final = [
    column("warn_id", Text("预警编号", "Warning number"), "string", Text("W-年份加四位数字", "W-, year and four digits"), primary=True),
    column("area", Text("预警区域", "Area"), "string", Text("办事处", "Subdistrict"), code_list="subdistrict"),
    column("type", Text("预警类型", "Kind of warning"), "string", Text("灾害性天气种类", "Kind of severe weather"), code_list="warning_type"),
    column("level", Text("预警级别", "Warning level"), "string", Text("信号颜色", "Colour of the signal"), code_list="warning_level"),
    column("issue_time", Text("发布时间", "Issued at"), "datetime", Text("北京时间", "Beijing time")),
    column("cancel_time", Text("解除时间", "Cancelled at"), "datetime", Text("生效中为空", "Empty while in force"), nullable=True),
    column("text", Text("预警内容", "Text"), "string", Text("对外发布的全文", "The text as published")),
]  # fmt: skip

SUITE: Final = checks.suite(
    ID,
    checks.exactly_columns("WX2-columns", COLUMNS),
    checks.unique("WX2-unique", ["warn_id"], Text("预警编号不得重复", "A warning number occurs once")),
    checks.shaped("WX2-id", "warn_id", r"^W-2026[0-9]{4}$", Text("编号须为 W-年份加四位数字", "A number is W-, the year and four digits")),
    checks.known("WX2-area", "area", SUBDISTRICTS, Text("区域须为葵涌、大鹏、南澳之一", "The area is one of the three subdistricts")),
    checks.check("WX2-pair", "0105", "expect_column_pair_values_to_be_in_set", Text("类型与级别的组合须为规定的信号", "Kind and level make a signal that exists"),
                 column_A="type", column_B="level", value_pairs_set=[[kind, level] for kind, levels in LEVELS_OF.items() for level in levels]),
    checks.at_least("WX2-order", "cancel_time", "issue_time", Text("解除不得早于发布", "Not cancelled before issued"), code="0503"),
    checks.present("WX2-text", "text", Text("预警内容必填", "A warning has a text")),
    checks.within("WX2-period", "issue_time", f"{PERIOD[0]}T00:00:00", f"{PERIOD[1]}T23:59:59", Text("发布时间须在统计时段内", "Issued in the period"), code="0501"),
)  # fmt: skip


@cache
def warnings() -> pd.DataFrame:
    """In the order of issue: rain, storms and heat in summer, cold, fog and fires in winter."""
    draw = rng(11)
    days = sorted(draw.integers(0, 281, COUNT))
    rows = []
    for i, day in enumerate(days, start=1):
        issued = pd.Timestamp(PERIOD[0]) + pd.Timedelta(days=int(day), minutes=int(draw.integers(0, 1440)))
        kinds = SUMMER if 4 <= issued.month <= 10 else WINTER
        kind = kinds[draw.integers(len(kinds))]
        level = LEVELS_OF[kind][min(len(LEVELS_OF[kind]) - 1, int(draw.exponential(0.7)))]
        area = SUBDISTRICTS[draw.integers(3)]
        in_force = i > COUNT - 2
        rows.append(
            {
                "warn_id": f"W-2026{i:04d}",
                "area": area,
                "type": kind,
                "level": level,
                "issue_time": issued,
                "cancel_time": pd.NaT
                if in_force
                else issued + pd.Timedelta(minutes=int(40 + draw.gamma(2, 180))),
                "text": f"{area}办事处发布{kind}{level}色预警信号。\n请注意防范，减少户外活动。",
            }
        )
    return pd.DataFrame(rows)


def _defective() -> bytes:
    frame = warnings().copy()
    spoil(frame, range(10, 14), type="灰霾", level="红")
    spoil(frame, range(20, 22), type="沙尘暴")
    spoil(frame, range(30, 35), cancel_time=frame["issue_time"].iloc[30:35] - pd.Timedelta(hours=1))
    spoil(frame, range(40, 43), area="坪山")
    spoil(frame, range(50, 52), text=None)
    spoil(frame, range(60, 63), issue_time=pd.Timestamp("2019-07-01 08:00"))
    return files.as_csv(repeated(frame, range(70, 72)))


DATASET: Final = SampleDataset(
    ID,
    record(
        ID,
        Text("气象预警信号", "Weather warnings"),
        Text(
            "各办事处台风、暴雨、高温等预警信号的发布与解除。",
            "When warnings of typhoon, rain, heat and other weather were issued and cancelled, by subdistrict.",
        ),
        publisher="org-weather",
        keywords=[Text("预警", "warning"), Text("台风", "typhoon"), Text("暴雨", "rainstorm")],
        period=PERIOD,
        freq="2",
        interval="PT5M",
        source_system=Text("预警信息发布系统", "Warning system"),
        lineage=Text("发布系统直接导出", "Exported from the warning system"),
        formats=["csv", "parquet"],
    ),
    COLUMNS,
    SUITE,
    SampleFile("预警信号_20261008_更正.csv", lambda: files.as_csv(warnings()), passing()),
    SampleFile(
        "预警信号_20261008.csv",
        _defective,
        failing(WX2_unique=4, WX2_area=3, WX2_pair=6, WX2_order=5, WX2_text=2, WX2_period=3),
        (
            Text("4 条不存在的灰霾红色信号，2 条未知类型“沙尘暴”", "4 red haze signals, which do not exist, 2 of the unknown kind “沙尘暴”"),
            Text("5 条解除早于发布", "5 cancelled before issued"),
            Text("3 条区域不在新区，2 条无内容，2 条重复", "3 areas outside the district, 2 without text, 2 twice"),
            Text("3 条为 2019 年旧数据", "3 stale warnings of 2019"),
        ),
    ),
)  # fmt: skip
