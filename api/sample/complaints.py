"""DP-BC-003 how visitors' requests were handled, by week: small cells are left empty."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Final

import pandas as pd

from api.sample import checks, files
from api.sample.model import SampleDataset, SampleFile, column, failing, passing, record
from api.sample.places import SUBDISTRICTS, repeated, rng, spoil
from core.text import Text

ID: Final = "DP-BC-003"
PERIOD: Final = ("2026-01-05", "2026-10-04")
WEEKS: Final = 39
LEAST: Final = 5
TOPICS: Final = {
    "停车": 14.0,
    "交通拥堵": 11.0,
    "消费纠纷": 8.0,
    "环境卫生": 6.0,
    "安全救援": 3.0,
    "票务": 5.0,
}

COLUMNS: Final = [
    column("week", Text("周", "Week"), "string", Text("ISO 周", "ISO week"), level=2, primary=True),
    column("subdistrict", Text("办事处", "Subdistrict"), "string", Text("诉求发生地", "Where it happened"), level=2, code_list="subdistrict", primary=True),
    column("topic", Text("主题", "Topic"), "string", Text("诉求主题", "What it was about"), level=2, code_list="request_topic", primary=True),
    column("received", Text("受理数", "Received"), "integer", Text("少于 5 件不列出", "Left out below 5"), unit="件", level=2),
    column("on_time_10min", Text("10 分钟内响应", "Answered in 10 min"), "integer", Text("首次响应", "First answer"), unit="件", level=2),
    column("on_time_30min", Text("30 分钟内处置", "Acted on in 30 min"), "integer", Text("开始处置", "Work begun"), unit="件", level=2),
    column("on_time_60min", Text("60 分钟内办结", "Closed in 60 min"), "integer", Text("办结", "Closed"), unit="件", level=2),
    column("satisfied", Text("满意数", "Satisfied"), "integer", Text("回访满意", "Satisfied when asked"), unit="件", level=2),
    column("refund_amount_yuan", Text("先行赔付金额", "Refunds"), "number", Text("当周合计", "Total of the week"), unit="元", level=2, identifier="SI"),
]  # fmt: skip

KEY: Final = ["week", "subdistrict", "topic"]
SUITE: Final = checks.suite(
    ID,
    checks.exactly_columns("BC3-columns", COLUMNS),
    checks.unique("BC3-unique", KEY, Text("同一周、办事处、主题只有一条记录", "One row per week, subdistrict and topic")),
    checks.shaped("BC3-week", "week", r"^20[0-9]{2}-W(0[1-9]|[1-4][0-9]|5[0-3])$", Text("周须为 ISO 周", "The week is an ISO week")),
    checks.known("BC3-topic", "topic", tuple(TOPICS), Text("主题须在代码表内", "The topic is on the code list")),
    checks.known("BC3-subdistrict", "subdistrict", SUBDISTRICTS, Text("办事处须为葵涌、大鹏、南澳之一", "The subdistrict is one of the three")),
    checks.within("BC3-small", "received", LEAST, None, Text("少于 5 件的分组不得列出", "Groups of fewer than 5 are left out"), code="0106"),
    checks.at_least("BC3-received", "received", "on_time_60min", Text("办结数不得超过受理数", "No more closed than received")),
    checks.at_least("BC3-chain-60", "on_time_60min", "on_time_30min", Text("30 分钟数不得超过 60 分钟数", "No more in 30 minutes than in 60")),
    checks.at_least("BC3-chain-30", "on_time_30min", "on_time_10min", Text("10 分钟数不得超过 30 分钟数", "No more in 10 minutes than in 30")),
    checks.at_least("BC3-satisfied", "received", "satisfied", Text("满意数不得超过受理数", "No more satisfied than received")),
    checks.within("BC3-refund", "refund_amount_yuan", 0, None, Text("赔付金额不得为负", "Refunds are not negative")),
)  # fmt: skip


@cache
def complaints() -> pd.DataFrame:
    """In the order of week; summer and the holidays bring more."""
    draw = rng(13)
    rows = []
    for monday, subdistrict, topic in product(
        pd.date_range(PERIOD[0], periods=WEEKS, freq="7D"), SUBDISTRICTS, TOPICS
    ):
        busy = 1.9 if monday.month in (7, 8) or monday.strftime("%m-%d") > "09-27" else 1.0
        received = int(draw.poisson(TOPICS[topic] * busy))
        if received < LEAST:
            continue
        in_60 = int(draw.binomial(received, 0.96))
        in_30 = int(draw.binomial(in_60, 0.93))
        refund = draw.gamma(1.5, 220.0) * received if topic in ("消费纠纷", "票务") else 0.0
        rows.append(
            {
                "week": f"{monday:%G}-W{monday:%V}",
                "subdistrict": subdistrict,
                "topic": topic,
                "received": received,
                "on_time_10min": int(draw.binomial(in_30, 0.9)),
                "on_time_30min": in_30,
                "on_time_60min": in_60,
                "satisfied": int(draw.binomial(received, 0.91)),
                "refund_amount_yuan": round(float(refund), 2),
            }
        )
    return pd.DataFrame(rows)


def _tsv(frame: pd.DataFrame) -> bytes:
    return files.as_csv(files.titled(frame, COLUMNS), encoding="utf-16", sep="\t")


def _defective() -> bytes:
    frame = complaints().copy()
    spoil(frame, range(5, 8), received=3, on_time_60min=3, on_time_30min=3, on_time_10min=2, satisfied=3)
    spoil(frame, range(20, 24), satisfied=frame["received"].iloc[20:24] + 4)
    spoil(frame, range(30, 35), on_time_10min=frame["on_time_30min"].iloc[30:35] + 1)
    spoil(frame, [40, 48], topic="噪声")
    spoil(frame, range(50, 52), week="2026-W60")
    spoil(frame, range(60, 61), refund_amount_yuan=-500.0)
    return _tsv(repeated(frame, range(70, 73)))


DATASET: Final = SampleDataset(
    ID,
    record(
        ID,
        Text("旅游诉求办理统计", "Visitors' requests"),
        Text(
            "按周、办事处、主题统计的游客诉求受理、响应、办结与满意情况；少于 5 件的分组不列出。",
            "Requests received, answered, closed and satisfied by week, subdistrict and topic; groups below 5 are left out.",
        ),
        publisher="org-tourism",
        keywords=[Text("诉求", "requests"), Text("满意度", "satisfaction"), Text("先行赔付", "refunds")],
        period=PERIOD,
        freq="4",
        interval=None,
        level=2,
        open_type="C",
        auth_op="negotiable",
        source_system=Text("民生诉求平台", "Citizens' request platform"),
        lineage=Text("工单按周汇总，小于 5 的分组删除", "Tickets counted by the week, groups below 5 dropped"),
        formats=["csv", "parquet"],
    ),
    COLUMNS,
    SUITE,
    SampleFile("诉求办理_2026W02-W40_更正.txt", lambda: _tsv(complaints()), passing()),
    SampleFile(
        "诉求办理_2026W02-W40.txt",
        _defective,
        failing(
            BC3_unique=6, BC3_week=2, BC3_topic=2, BC3_small=3, BC3_chain_30=5, BC3_satisfied=4, BC3_refund=1
        ),
        (
            Text("3 个分组少于 5 件，3 条重复", "3 groups below 5, 3 rows twice"),
            Text("4 条满意数多于受理数，5 条 10 分钟数多于 30 分钟数", "4 with more satisfied than received, 5 with more in 10 minutes than in 30"),
            Text("2 条未知主题，2 条第 60 周，1 条赔付为负", "2 unknown topics, 2 of a 60th week, 1 negative refund"),
        ),
    ),
)  # fmt: skip
