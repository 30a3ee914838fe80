"""DP-PK-002 vacancy every five minutes on one holiday, from the lots that are connected to the platform."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import pandas as pd

from api.sample import checks, files
from api.sample.lots import ID as LOTS
from api.sample.lots import lots
from api.sample.model import SampleDataset, SampleFile, column, failing, passing, record, warned
from api.sample.places import PLACES, day_tide, repeated, rng, spoil
from core.text import Text

ID: Final = "DP-PK-002"
DAY: Final = "2026-10-03"
CONNECTED: Final = 60
SLOTS: Final = 288
STATUS: Final = ("open", "full", "closed", "fault")
LOT_IDS: Final = tuple(f"DP-P{i:04d}" for i in range(1, CONNECTED + 1))

COLUMNS: Final = [
    column("lot_id", Text("停车场编码", "Lot code"), "string", Text("见停车场基础信息", "As in the register of lots"), primary=True),
    column("obs_time", Text("观测时间", "Observed at"), "datetime", Text("北京时间，整五分钟", "Beijing time, on the five minutes"), primary=True),
    column("total_spaces", Text("总车位", "Spaces"), "integer", Text("接入车位总数", "All connected spaces"), unit="个"),
    column("free_spaces", Text("余位", "Free spaces"), "integer", Text("观测时刻空闲车位", "Spaces free at that instant"), unit="个"),
    column("in_count", Text("进场车次", "Vehicles in"), "integer", Text("过去五分钟进场", "Entered in the last five minutes"), unit="辆"),
    column("out_count", Text("出场车次", "Vehicles out"), "integer", Text("过去五分钟出场", "Left in the last five minutes"), unit="辆"),
    column("recv_time", Text("接收时间", "Received at"), "datetime", Text("平台收到的时间", "When the platform received it")),
    column("status", Text("状态", "Status"), "string", Text("停车场开放状态", "Whether one can park"), code_list="lot_status"),
]  # fmt: skip

SUITE: Final = checks.suite(
    ID,
    checks.exactly_columns("PK2-columns", COLUMNS),
    checks.present("PK2-lot", "lot_id", Text("停车场编码必填", "Each row names its lot")),
    checks.present("PK2-time", "obs_time", Text("观测时间必填", "Each row has its time")),
    checks.present("PK2-free", "free_spaces", Text("余位必填", "Each row has its free spaces")),
    checks.unique("PK2-unique", ["lot_id", "obs_time"], Text("同一停车场同一时刻只有一条记录", "One row per lot and time")),
    checks.exists("PK2-lot-known", ["lot_id"], LOTS, Text("停车场须已在基础信息中登记", "The lot is registered")),
    checks.covers("PK2-all-lots", "lot_id", LOT_IDS, Text("接入的停车场须全部上报", "All connected lots report")),
    checks.within("PK2-negative", "free_spaces", 0, 5000, Text("余位不得为负", "Free spaces are not negative")),
    checks.check("PK2-capacity", "0402", "expect_values_to_agree_with_dataset", Text("余位不得超过登记的总车位", "No more free spaces than the register has"),
                 keys=["lot_id"], column="free_spaces", dataset=LOTS, other_column="total_spaces", comparison="at_most", unmatched="ignore"),
    checks.check("PK2-total", "0402", "expect_values_to_agree_with_dataset", Text("总车位与登记一致", "As many spaces as the register has"),
                 severity="warning", keys=["lot_id"], column="total_spaces", dataset=LOTS, unmatched="ignore"),
    checks.known("PK2-status", "status", STATUS, Text("状态须在代码表内", "The status is on the code list")),
    checks.within("PK2-period", "obs_time", f"{DAY}T00:00:00", f"{DAY}T23:59:59", Text("观测时间须在批次日期内", "Observed on the day of the batch"), code="0501"),
    checks.at_least("PK2-order", "recv_time", "obs_time", Text("接收不得早于观测", "Not received before observed"), code="0503"),
    checks.check("PK2-delay", "0502", "expect_delays_to_be_between", Text("接收延迟不得超过五分钟", "Received within five minutes"),
                 severity="warning", since="obs_time", until="recv_time", max_delay="PT5M"),
    checks.none_where("PK2-full", "0402", "(free_spaces = 0) <> (status = 'full') AND status IN ('open', 'full')",
                      Text("余位为零与状态“full”应一致", "No free space and status “full” go together"), severity="warning"),
    checks.check("PK2-rows", "0202", "expect_table_row_count_to_be_between", Text("应报记录到齐 95% 以上", "At least 95 % of the rows due are there"),
                 severity="warning", min_value=CONNECTED * SLOTS * 95 // 100, max_value=CONNECTED * SLOTS),
)  # fmt: skip


@cache
def vacancy() -> pd.DataFrame:
    """Rows in the order of time, then lot. Arrivals follow the day's tide; a lot never holds more than its spaces."""
    draw = rng(2)
    register = lots().head(CONNECTED)
    total = register["total_spaces"].to_numpy()
    pull = np.array(
        [next(p.pull for p in PLACES if name.startswith(p.name)) for name in register["lot_name"]]
    )
    hours = np.arange(SLOTS) / 12
    held = (total * 0.12).astype(int)
    frames = []
    for slot, stamp in enumerate(pd.date_range(DAY, periods=SLOTS, freq="5min")):
        wish = 0.03 * day_tide(hours[slot : slot + 1], 11.5, 3.0)[0]
        leave = 0.004 + 0.03 * day_tide(hours[slot : slot + 1], 18.0, 2.6)[0]
        gone = np.minimum(draw.poisson(held * leave), held)
        come = np.minimum(draw.poisson(total * wish * pull), total - held + gone)
        held = held - gone + come
        free = total - held
        frames.append(
            pd.DataFrame(
                {
                    "lot_id": register["lot_id"].to_numpy(),
                    "obs_time": stamp,
                    "total_spaces": total,
                    "free_spaces": free,
                    "in_count": come,
                    "out_count": gone,
                    "recv_time": stamp + pd.to_timedelta(draw.integers(2, 200, CONNECTED), unit="s"),
                    "status": np.where(free == 0, "full", "open"),
                }
            )
        )
    frame = pd.concat(frames, ignore_index=True)
    faulty = (frame["lot_id"] == LOT_IDS[16]) & frame["obs_time"].dt.hour.isin([3, 4])
    frame.loc[faulty & (frame["free_spaces"] > 0), "status"] = "fault"
    return frame


def _defective() -> bytes:
    frame = vacancy()
    frame = frame[frame["lot_id"] != LOT_IDS[41]].reset_index(drop=True)
    calm = frame.index[(frame["free_spaces"] > 5) & (frame["status"] == "open")]
    over, unknown, stale, late, word, full, below = (
        calm[start : start + 61 * n : 61].tolist()
        for start, n in ((100, 7), (1100, 4), (2100, 6), (3100, 9), (4100, 3), (5100, 8), (6100, 2))
    )
    spoil(frame, over, free_spaces=frame["total_spaces"].iloc[over] + 12)
    spoil(frame, unknown, lot_id="DP-P9999")
    last_year = pd.DateOffset(years=1)
    spoil(
        frame,
        stale,
        obs_time=frame["obs_time"].iloc[stale] - last_year,
        recv_time=frame["recv_time"].iloc[stale] - last_year,
    )
    spoil(frame, late, recv_time=frame["obs_time"].iloc[late] + pd.Timedelta(minutes=47))
    spoil(frame, word, status="满位")
    spoil(frame, full, free_spaces=0)
    spoil(frame, below, free_spaces=-3)
    return files.as_csv(repeated(frame, calm[7000:7005].tolist()))


def _doubtful() -> bytes:
    """Corrected but for what cannot be corrected: rows that really came late."""
    frame = vacancy().copy()
    late = list(range(9000, 9090, 10))
    spoil(frame, late, recv_time=frame["obs_time"].iloc[late] + pd.Timedelta(minutes=47))
    return files.as_csv(frame)


DATASET: Final = SampleDataset(
    ID,
    record(
        ID,
        Text("停车场实时余位", "Parking vacancy"),
        Text(
            "接入停车平台的停车场每五分钟余位、进出车次与开放状态；本批为国庆假期一日全量。",
            "Free spaces, vehicles in and out and status of the connected lots every five minutes; one day of the National Day holiday.",
        ),
        publisher="org-parking",
        keywords=[Text("停车", "parking"), Text("余位", "vacancy"), Text("实时", "live")],
        period=(DAY, DAY),
        freq="9",
        interval="PT5M",
        source_system=Text("停车管理平台", "Parking platform"),
        lineage=Text("停车场道闸系统自动上报，平台按五分钟汇总", "Sent by the barriers, gathered every five minutes by the platform"),
        formats=["csv", "parquet"],
    ),
    COLUMNS,
    SUITE,
    SampleFile("停车场余位_20261003_更正.csv", lambda: files.as_csv(vacancy()), passing()),
    SampleFile(
        "停车场余位_20261003.csv",
        _defective,
        failing(
            PK2_unique=10,
            PK2_lot_known=4,
            PK2_all_lots=None,
            PK2_negative=2,
            PK2_capacity=7,
            PK2_status=3,
            PK2_period=6,
            PK2_delay=9,
            PK2_full=8,
        ),
        (
            Text("5 条重复记录", "5 rows sent twice"),
            Text("4 条停车场编码未登记", "4 rows of a lot that is not registered"),
            Text("1 个接入停车场整日缺报", "1 connected lot missing for the whole day"),
            Text("7 条余位大于总车位，2 条为负", "7 rows with more free spaces than spaces, 2 below zero"),
            Text("3 条状态为未知代码“满位”", "3 rows with the unknown status “满位”"),
            Text("6 条为上一年的旧数据", "6 stale rows of the year before"),
            Text("9 条接收延迟 47 分钟", "9 rows received 47 minutes late"),
            Text("8 条余位为零但状态仍为开放", "8 rows without a free space but still open"),
        ),
    ),
    doubtful=SampleFile(
        "停车场余位_20261003_二报.csv",
        _doubtful,
        warned(PK2_delay=9),
        (Text("9 条接收延迟 47 分钟，须确认并说明", "9 rows received 47 minutes late, to be confirmed with a note"),),
    ),
)  # fmt: skip
