"""DP-PK-003 parking behaviour by month, lot, hour and origin: aggregated, small groups merged into larger ones."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from api.sample import checks, files
from api.sample.lots import ID as LOTS
from api.sample.model import SampleDataset, SampleFile, column, failing, passing, record
from api.sample.places import repeated, rng, spoil
from api.sample.vacancy import DAY, vacancy
from api.sample.vacancy import ID as VACANCY
from core.text import Text

ID: Final = "DP-PK-003"
MONTH: Final = DAY[:7]
LEAST: Final = 10
BANDS: Final = ("00-06", "06-09", "09-12", "12-15", "15-18", "18-24")
CITIES: Final = {
    "深圳": 62.0,
    "广州": 11.0,
    "东莞": 14.0,
    "惠州": 17.0,
    "佛山": 6.0,
    "香港": 5.0,
    "其他": 9.0,
}
STAYS: Final = {"1小时内": 0.8, "1-3小时": 1.4, "3-8小时": 1.2, "8小时以上": 0.6}

COLUMNS: Final = [
    column("month", Text("月份", "Month"), "string", Text("年-月", "Year and month"), level=2, primary=True),
    column("lot_id", Text("停车场编码", "Lot code"), "string", Text("见停车场基础信息", "As in the register of lots"), level=2, primary=True),
    column("hour_band", Text("时段", "Hours"), "string", Text("进场时段", "When the vehicles came in"), level=2, code_list="hour_band", primary=True),
    column("origin_city", Text("车籍城市", "City of origin"), "string", Text("按号牌归属汇总，不含号牌", "From the plates, without the plates"), level=2, identifier="QI", code_list="origin_city", primary=True),
    column("stay_band", Text("停留时长段", "Length of stay"), "string", Text("停留时长分段", "Band of the stay"), level=2, code_list="stay_band", primary=True),
    column("vehicles", Text("车次", "Vehicles"), "integer", Text("不少于 10 辆方可列出", "Listed from 10 vehicles"), unit="辆", level=2),
    column("avg_fee_yuan", Text("平均停车费", "Mean fee"), "number", Text("每车次平均实收", "Taken per vehicle on average"), unit="元", level=2, identifier="SI"),
]  # fmt: skip

KEY: Final = ["month", "lot_id", "hour_band", "origin_city", "stay_band"]
SUITE: Final = checks.suite(
    ID,
    checks.exactly_columns("PK3-columns", COLUMNS),
    checks.unique("PK3-unique", KEY, Text("同一分组只有一条记录", "One row for each group")),
    checks.shaped("PK3-month", "month", r"^20[0-9]{2}-(0[1-9]|1[0-2])$", Text("月份须为“年-月”", "The month is year and month")),
    checks.exists("PK3-lot", ["lot_id"], LOTS, Text("停车场须已在基础信息中登记", "The lot is registered")),
    checks.known("PK3-band", "hour_band", BANDS, Text("时段须在代码表内", "The hours are on the code list")),
    checks.known("PK3-city", "origin_city", tuple(CITIES), Text("车籍城市须在代码表内", "The city is on the code list")),
    checks.known("PK3-stay", "stay_band", tuple(STAYS), Text("停留时长须在代码表内", "The stay is on the code list")),
    checks.within("PK3-small", "vehicles", LEAST, None, Text("少于 10 辆的分组不得列出", "Groups of fewer than 10 vehicles are left out"), code="0106"),
    checks.free_of("PK3-plate", "origin_city", checks.PLATE, Text("不得出现车牌号", "No number plates")),
    checks.within("PK3-fee", "avg_fee_yuan", 0, 500, Text("平均停车费须在 0 至 500 元之间", "The mean fee is 0 to 500 yuan")),
    checks.check("PK3-arrivals", "0401", "expect_totals_to_agree_with_dataset",
                 Text("每个停车场每月车次与实时余位的进场车次相差不超过 5%", "A lot's vehicles of a month are those that came in by the vacancy data, within 5 %"),
                 dataset=VACANCY, group_columns=["lot_id", "month"], other_group_columns=["lot_id", {"column": "obs_time", "period": "month"}],
                 column="vehicles", other_column="in_count", tolerance_share=0.05),
    checks.present("PK3-fee-given", "avg_fee_yuan", Text("平均停车费应填写", "The mean fee is given"), severity="info"),
)  # fmt: skip


@cache
def behaviour() -> pd.DataFrame:
    """Rows in the order of lot, band, city and stay. A lot's vehicles are those that came in by the vacancy data, within 2 %."""
    draw = rng(3)
    tide = dict(zip(BANDS, (0.2, 0.7, 1.6, 1.3, 0.9, 0.5), strict=True))
    groups = list(product(BANDS, CITIES.items(), STAYS.items()))
    weights = np.array([tide[band] * share * weight for band, (_, share), (_, weight) in groups])
    frames = []
    for lot, arrived in vacancy().groupby("lot_id")["in_count"].sum().items():
        total = round(arrived * draw.uniform(0.98, 1.02))
        frame = pd.DataFrame(
            [(MONTH, lot, band, city, stay) for band, (city, _), (stay, _) in groups], columns=KEY
        )
        frame["vehicles"] = shared_out(total, weights * draw.uniform(0.8, 1.2, len(weights)))
        frames.append(frame[frame["vehicles"] > 0])
    frame = pd.concat(frames, ignore_index=True)
    fee = frame["stay_band"].map({"1小时内": 3.0, "1-3小时": 8.0, "3-8小时": 16.0, "8小时以上": 22.0})
    frame["avg_fee_yuan"] = (fee * draw.uniform(0.7, 1.3, len(frame))).to_numpy().round(2)
    return frame


def shared_out(total: int, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """`total` over the groups by weight; a group that would get fewer than `LEAST` gets none, the largest takes what is left."""
    order = np.argsort(-weights, kind="stable")
    for kept in range(len(order), 0, -1):
        chosen = order[:kept]
        parts = (total * weights[chosen] / weights[chosen].sum()).astype(np.int64)
        if parts[-1] >= LEAST or kept == 1:
            break
    found = np.zeros(len(weights), dtype=np.int64)
    found[chosen] = parts
    found[order[0]] += total - parts.sum()
    return found


def _defective() -> bytes:
    frame = behaviour().copy()
    spoil(frame, range(100, 112), vehicles=[1 + i % 9 for i in range(12)])
    spoil(frame, range(200, 203), origin_city=[f"粤B0000{n}" for n in range(3)])
    spoil(frame, range(300, 500, 40), stay_band="过夜")
    spoil(frame, range(510, 512), avg_fee_yuan=-5.0)
    spoil(frame, range(520, 522), month="2026-13")
    spoil(frame, range(600, 606), avg_fee_yuan=np.nan)
    return files.as_parquet(repeated(frame, range(700, 704)))


DATASET: Final = SampleDataset(
    ID,
    record(
        ID,
        Text("停车行为聚合", "Parking behaviour"),
        Text(
            "按月、停车场、时段、车籍城市与停留时长汇总的停车车次与平均费用；由号牌级数据汇总而成，少于 10 辆的分组并入最大的分组；本批为十月截至接入日的累计。",
            "Vehicles and mean fee by month, lot, hours, city of origin and length of stay; made from plate records, "
            "groups of fewer than 10 vehicles are merged into the largest; this batch holds October up to the day connected.",
        ),
        publisher="org-parking",
        keywords=[Text("停车", "parking"), Text("客源地", "origin"), Text("停留时长", "length of stay")],
        period=("2026-10-01", "2026-10-31"),
        freq="5",
        interval=None,
        level=2,
        open_type="C",
        auth_op="yes",
        source_system=Text("停车管理平台", "Parking platform"),
        lineage=Text("号牌归属地汇总后删除号牌，小于 10 的分组并入最大的分组", "Plates reduced to their city and dropped, groups below 10 merged into the largest"),
        formats=["parquet"],
    ),
    COLUMNS,
    SUITE,
    SampleFile("parking_behaviour_2026-10.parquet", lambda: files.as_parquet(behaviour()), passing()),
    SampleFile(
        "parking_behaviour_2026-10_draft.parquet",
        _defective,
        failing(
            PK3_unique=8,
            PK3_month=2,
            PK3_city=3,
            PK3_stay=5,
            PK3_small=12,
            PK3_plate=3,
            PK3_arrivals=80,
            PK3_fee=2,
            PK3_fee_given=6,
        ),
        (
            Text("4 个分组重复", "4 groups twice"),
            Text("12 个分组少于 10 辆", "12 groups of fewer than 10 vehicles"),
            Text("3 处车籍城市填成车牌号", "3 number plates in place of the city"),
            Text("5 处停留时长为未知代码", "5 unknown lengths of stay"),
            Text("2 处费用为负，6 处未填", "2 negative fees, 6 not given"),
            Text("2 处月份为 13 月", "2 rows of a 13th month"),
            Text("因此 80 行所在停车场的车次与进场车次不符", "so that the totals of the lots of 80 rows disagree with the arrivals"),
        ),
    ),
)  # fmt: skip
