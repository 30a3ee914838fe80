"""DP-TR-001 traffic state of the roads to the sights, every five minutes on the first holiday."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import pandas as pd

from api.sample import checks, files
from api.sample.model import SampleDataset, SampleFile, column, failing, passing, record
from api.sample.places import PLACES, ROADS, day_tide, repeated, rng, spoil
from core.text import Text

ID: Final = "DP-TR-001"
DAY: Final = "2026-10-01"
PAIRS: Final = 30
SLOTS: Final = 288
DIRECTIONS: Final = ("进区", "出区")
STATUS: Final = ("畅通", "缓行", "拥堵", "严重拥堵")
BANDS: Final = (1.5, 2.0, 3.0)
FREE_SPEED: Final = 62.0
SEGMENT_IDS: Final = tuple(f"DP-R{i:03d}-{way}" for i in range(1, PAIRS + 1) for way in "IO")

COLUMNS: Final = [
    column("segment_id", Text("路段编码", "Segment code"), "string", Text("DP-R、三位序号与方向 I/O", "DP-R, three digits and direction I/O"), primary=True),
    column("segment_name", Text("路段名称", "Segment"), "string", Text("道路与两端地名", "Road and the places at its ends")),
    column("direction", Text("方向", "Direction"), "string", Text("进区或出区", "Into or out of the district"), code_list="direction"),
    column("obs_time", Text("观测时间", "Observed at"), "datetime", Text("北京时间，整五分钟", "Beijing time, on the five minutes"), primary=True),
    column("avg_speed_kmh", Text("平均速度", "Mean speed"), "number", Text("五分钟平均行程速度", "Mean travel speed over five minutes"), unit="km/h"),
    column("flow_vph", Text("流量", "Flow"), "integer", Text("折算小时流量", "Flow as vehicles per hour"), unit="辆/h"),
    column("tti", Text("拥堵指数", "Travel time index"), "number", Text("实际与自由流行程时间之比", "Travel time over that in free flow")),
    column("status", Text("状态", "Status"), "string", Text("由拥堵指数分级", "Band of the index"), code_list="road_status"),
    column("holiday_flag", Text("节假日", "Holiday"), "boolean", Text("是否法定节假日", "Whether a public holiday")),
]  # fmt: skip

BAND_SQL: Final = "status <> CASE WHEN tti < 1.5 THEN '畅通' WHEN tti < 2 THEN '缓行' WHEN tti < 3 THEN '拥堵' ELSE '严重拥堵' END"
SLOTS_SQL: Final = (
    "SELECT segment_id, count(DISTINCT obs_time) AS slots FROM {batch} GROUP BY segment_id "
    "HAVING count(DISTINCT obs_time) < 273"
)
SUITE: Final = checks.suite(
    ID,
    checks.exactly_columns("TR1-columns", COLUMNS),
    checks.unique("TR1-unique", ["segment_id", "obs_time"], Text("同一路段同一时刻只有一条记录", "One row per segment and time")),
    checks.covers("TR1-all-segments", "segment_id", SEGMENT_IDS, Text("所有路段均须上报", "All segments report")),
    checks.no_rows("TR1-slots", "0202", SLOTS_SQL, Text("每个路段的时段到报率不低于 95%", "Each segment reports at least 95 % of its slots"), severity="warning"),
    checks.within("TR1-speed", "avg_speed_kmh", 0, 120, Text("平均速度须在 0 至 120 km/h", "The mean speed is 0 to 120 km/h")),
    checks.within("TR1-tti", "tti", 1, 10, Text("拥堵指数须在 1 至 10", "The index is 1 to 10")),
    checks.within("TR1-flow", "flow_vph", 0, 6000, Text("流量须在 0 至 6000 辆/h", "The flow is 0 to 6000 vehicles per hour")),
    checks.known("TR1-status", "status", STATUS, Text("状态须在代码表内", "The status is on the code list")),
    checks.known("TR1-direction", "direction", DIRECTIONS, Text("方向须为进区或出区", "The direction is in or out")),
    checks.none_where("TR1-band", "0402", BAND_SQL, Text("状态与拥堵指数分级一致", "The status is the band of the index"), severity="warning"),
    checks.within("TR1-period", "obs_time", f"{DAY}T00:00:00", f"{DAY}T23:59:59", Text("观测时间须在批次日期内", "Observed on the day of the batch"), code="0501"),
    checks.check("TR1-fresh", "0502", "expect_column_max_to_be_between", Text("最新观测距批次截止不超过 15 分钟", "The newest row is within 15 minutes of the end"),
                 column="obs_time", min_value=f"{DAY}T23:45:00", max_value=f"{DAY}T23:59:59"),
)  # fmt: skip


@cache
def roads() -> pd.DataFrame:
    """Rows in the order of segment, then time: inbound worst before noon, outbound worst after sunset."""
    draw = rng(4)
    hours = np.arange(SLOTS) / 12
    stamps = pd.date_range(DAY, periods=SLOTS, freq="5min")
    frames = []
    for index, segment in enumerate(SEGMENT_IDS):
        start, end = PLACES[(index // 2) % len(PLACES)], PLACES[(index // 2 * 7 + 5) % len(PLACES)]
        inbound = segment.endswith("I")
        tide = day_tide(hours, 10.5, 2.4) if inbound else day_tide(hours, 18.5, 2.8)
        base = day_tide(hours, 14.0, 7.0)
        load = 0.25 * base + tide * end.pull / 1.4
        tti = np.clip(1 + 2.3 * load**2 + draw.normal(0, 0.06, SLOTS), 1, 10).round(2)
        frames.append(
            pd.DataFrame(
                {
                    "segment_id": segment,
                    "segment_name": f"{ROADS[(index // 2) % len(ROADS)]}（{start.name}至{end.name}）",
                    "direction": DIRECTIONS[0 if inbound else 1],
                    "obs_time": stamps,
                    "avg_speed_kmh": np.clip(FREE_SPEED / tti + draw.normal(0, 1.2, SLOTS), 2, 100).round(1),
                    "flow_vph": draw.poisson(60 + 1500 * np.clip(load, 0, 1.1)),
                    "tti": tti,
                    "status": np.array(STATUS)[np.digitize(tti, BANDS)],
                    "holiday_flag": "是",
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _defective() -> bytes:
    frame = roads()
    silent = (frame["segment_id"] == SEGMENT_IDS[8]) & (frame["obs_time"].dt.hour >= 18)
    frame = frame[(frame["segment_id"] != SEGMENT_IDS[23]) & ~silent].reset_index(drop=True)
    smooth = frame.index[(frame["status"] == "畅通") & (frame["segment_id"] != SEGMENT_IDS[8])]
    fast, low, word, stale, band = (
        smooth[start : start + 300 * n : 300].tolist()
        for start, n in ((11, 6), (2033, 4), (3571, 5), (5477, 5), (7741, 7))
    )
    spoil(frame, fast, avg_speed_kmh=250.0)
    spoil(frame, low, tti=0.4)
    spoil(frame, word, status="堵死")
    spoil(frame, stale, obs_time=frame["obs_time"].iloc[stale] - pd.DateOffset(years=1))
    spoil(frame, band, status="拥堵")
    return files.as_csv(repeated(frame, smooth[9600:9606].tolist()))


DATASET: Final = SampleDataset(
    ID,
    record(
        ID,
        Text("景区路段通行状态", "Road-segment traffic state"),
        Text(
            "通往景区的主要路段每五分钟平均速度、流量、拥堵指数与状态；本批为国庆假期首日。",
            "Mean speed, flow, travel time index and status of the roads to the sights every five minutes; first day of the National Day holiday.",
        ),
        publisher="org-transport",
        keywords=[Text("交通", "traffic"), Text("拥堵指数", "travel time index"), Text("景区道路", "roads to sights")],
        period=(DAY, DAY),
        freq="9",
        interval="PT5M",
        source_system=Text("交通运行监测系统", "Traffic monitoring system"),
        lineage=Text("路侧设备与浮动车数据融合，按五分钟汇总", "Roadside sensors and floating cars, merged every five minutes"),
        formats=["csv", "parquet"],
    ),
    COLUMNS,
    SUITE,
    SampleFile("路段通行状态_20261001_更正.csv", lambda: files.as_csv(roads()), passing()),
    SampleFile(
        "路段通行状态_20261001.csv",
        _defective,
        failing(
            TR1_unique=12,
            TR1_all_segments=None,
            TR1_slots=1,
            TR1_speed=6,
            TR1_tti=4,
            TR1_status=5,
            TR1_band=12,
            TR1_period=5,
        ),
        (
            Text("6 条重复记录", "6 rows sent twice"),
            Text("1 个路段整日缺报，1 个路段 18 时后缺报", "1 segment missing all day, 1 silent from 18:00"),
            Text("6 条速度 250 km/h，4 条拥堵指数小于 1", "6 rows at 250 km/h, 4 with an index below 1"),
            Text("5 条未知状态“堵死”，7 条状态与指数不符", "5 unknown statuses “堵死”, 7 that contradict the index"),
            Text("5 条为上一年的旧数据", "5 stale rows of the year before"),
        ),
    ),
)  # fmt: skip
