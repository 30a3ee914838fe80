"""DP-SF-001 visitors in the scenic areas every quarter of an hour on the busiest holiday."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import pandas as pd

from api.sample import checks, files
from api.sample.model import SampleDataset, SampleFile, column, failing, passing, record
from api.sample.places import PLACES, day_tide, repeated, rng, spoil
from core.text import Text

ID: Final = "DP-SF-001"
DAY: Final = "2026-10-03"
SLOTS: Final = 96
AREA_IDS: Final = tuple(f"DP-A{i:02d}" for i in range(1, 26))
ALERTS: Final = ("正常", "黄", "橙", "红")
BANDS: Final = (80.0, 90.0, 100.0)

COLUMNS: Final = [
    column("area_id", Text("景区编码", "Area code"), "string", Text("DP-A 加两位数字", "DP-A and two digits"), level=2, primary=True),
    column("area_name", Text("景区名称", "Area"), "string", Text("对外使用的名称", "Name in public use"), level=1),
    column("obs_time", Text("观测时间", "Observed at"), "datetime", Text("北京时间，每刻钟", "Beijing time, on the quarter"), level=2, primary=True),
    column("in_park", Text("瞬时在园人数", "Visitors inside"), "integer", Text("观测时刻在园", "Inside at that instant"), unit="人", level=2),
    column("entered_today", Text("当日累计入园", "Entered today"), "integer", Text("自零时起累计", "Since midnight"), unit="人", level=2),
    column("cap_instant", Text("瞬时最大承载量", "Capacity at an instant"), "integer", Text("核定值", "As fixed by the authority"), unit="人"),
    column("cap_day", Text("日最大承载量", "Capacity in a day"), "integer", Text("核定值", "As fixed by the authority"), unit="人"),
    column("load_pct", Text("承载率", "Load"), "number", Text("在园人数与瞬时承载量之比", "Visitors inside over the capacity"), unit="%", level=2),
    column("alert_level", Text("预警等级", "Alert"), "string", Text("80%、90%、100% 分级", "Bands from 80, 90 and 100 %"), level=2, code_list="crowd_alert"),
]  # fmt: skip

ALERT_SQL: Final = "alert_level <> CASE WHEN load_pct < 80 THEN '正常' WHEN load_pct < 90 THEN '黄' WHEN load_pct < 100 THEN '橙' ELSE '红' END"
SUITE: Final = checks.suite(
    ID,
    checks.exactly_columns("SF1-columns", COLUMNS),
    checks.unique("SF1-unique", ["area_id", "obs_time"], Text("同一景区同一时刻只有一条记录", "One row per area and time")),
    checks.covers("SF1-all-areas", "area_id", AREA_IDS, Text("全部景区均须上报", "All areas report")),
    checks.within("SF1-negative", "in_park", 0, None, Text("在园人数不得为负", "Visitors inside are not negative")),
    checks.at_least("SF1-entered", "entered_today", "in_park", Text("在园人数不得超过累计入园", "No more inside than have entered")),
    checks.check("SF1-falls", "0503", "expect_values_to_rise_over_time", Text("累计入园当日不得减少", "The day's total does not fall"),
                 group_columns=["area_id"], time_column="obs_time", column="entered_today", daily=True),
    checks.none_where("SF1-load", "0401", "abs(load_pct - 100.0 * in_park / cap_instant) > 1", Text("承载率与人数相符，误差不超过 1 个百分点", "The load agrees with the visitors within one point")),
    checks.known("SF1-alert-known", "alert_level", ALERTS, Text("预警等级须在代码表内", "The alert is on the code list")),
    checks.none_where("SF1-alert", "0104", ALERT_SQL, Text("预警等级与承载率分级一致", "The alert is the band of the load"), severity="warning"),
    checks.none_where("SF1-crush", "0305", "in_park > 1.3 * cap_instant", Text("在园人数不超过承载量的 1.3 倍", "At most 1.3 times the capacity inside"), severity="warning"),
    checks.within("SF1-period", "obs_time", f"{DAY}T00:00:00", f"{DAY}T23:59:59", Text("观测时间须在批次日期内", "Observed on the day of the batch"), code="0501"),
    checks.check("SF1-rows", "0202", "expect_table_row_count_to_be_between", Text("应报记录到齐 95% 以上", "At least 95 % of the rows due are there"),
                 severity="info", min_value=len(AREA_IDS) * SLOTS * 95 // 100, max_value=len(AREA_IDS) * SLOTS),
)  # fmt: skip


@cache
def crowd() -> pd.DataFrame:
    """Rows in the order of area, then time; the beaches fill from ten and empty after five."""
    draw = rng(8)
    stamps = pd.date_range(DAY, periods=SLOTS, freq="15min")
    hours = np.arange(SLOTS) / 4
    frames = []
    for index, area in enumerate(AREA_IDS):
        place = PLACES[index % len(PLACES)]
        capacity = int(draw.integers(12, 90)) * 100
        arrivals = draw.poisson(0.075 * capacity * place.pull * day_tide(hours, 10.8, 2.6))
        entered = np.cumsum(arrivals)
        leaving = 1 / (1 + np.exp(-(hours - 16.8) / 1.1))
        inside = np.minimum((entered * (1 - leaving)).astype(int), int(1.25 * capacity))
        load = (100 * inside / capacity).round(1)
        frames.append(
            pd.DataFrame(
                {
                    "area_id": area,
                    "area_name": f"{place.name}{'滨海' if index < len(PLACES) else '山地'}示例景区",
                    "obs_time": stamps,
                    "in_park": inside,
                    "entered_today": entered,
                    "cap_instant": capacity,
                    "cap_day": int(capacity * 2.5),
                    "load_pct": load,
                    "alert_level": np.array(ALERTS)[np.digitize(load, BANDS)],
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _defective() -> bytes:
    frame = crowd()
    frame = frame[frame["area_id"] != AREA_IDS[6]].reset_index(drop=True)
    time = frame["obs_time"].dt.strftime("%H:%M")
    early, midnight, afternoon = (frame.index[time == clock] for clock in ("05:00", "00:00", "14:00"))
    night = frame.index[time == "23:30"]
    over = early[:5]
    inside = frame["entered_today"].iloc[over] + 10
    spoil(frame, over, in_park=inside, load_pct=(100 * inside / frame["cap_instant"].iloc[over]).round(1))
    before = [place - 1 for place in afternoon[5:9]]
    spoil(frame, afternoon[5:9], entered_today=frame["entered_today"].iloc[before].to_numpy() - 1)
    spoil(frame, night[:6], load_pct=55.5)
    spoil(frame, night[8:15], alert_level="红")
    spoil(frame, night[16:19], alert_level="蓝")
    spoil(frame, midnight[10:12], obs_time=frame["obs_time"].iloc[midnight[10:12]] - pd.DateOffset(years=1))
    return files.as_csv(repeated(frame, night[20:22]))


DATASET: Final = SampleDataset(
    ID,
    record(
        ID,
        Text("景区客流与承载", "Scenic-area flow and capacity"),
        Text(
            "25 个景区每刻钟在园人数、累计入园、承载率与预警等级；历史数据按有条件开放管理。",
            "Visitors inside, entered so far, load and alert of 25 areas every quarter of an hour; history is open under conditions.",
        ),
        publisher="org-tourism",
        keywords=[Text("客流", "visitor flow"), Text("承载量", "capacity"), Text("预警", "alert")],
        period=(DAY, DAY),
        freq="9",
        interval="PT15M",
        level=2,
        open_type="C",
        auth_op="yes",
        source_system=Text("景区客流监测平台", "Visitor monitoring platform"),
        lineage=Text("闸机与视频计数，按刻钟汇总", "Counted at gates and by cameras, gathered by the quarter"),
        formats=["csv", "parquet"],
    ),
    COLUMNS,
    SUITE,
    SampleFile("景区客流_20261003_更正.csv", lambda: files.as_csv(crowd()), passing()),
    SampleFile(
        "景区客流_20261003.csv",
        _defective,
        failing(
            SF1_unique=4,
            SF1_all_areas=None,
            SF1_entered=5,
            SF1_falls=4,
            SF1_load=6,
            SF1_alert_known=3,
            SF1_alert=10,
            SF1_period=2,
        ),
        (
            Text("1 个景区整日缺报，2 条重复", "1 area missing all day, 2 rows twice"),
            Text("5 条在园人数多于累计入园", "5 rows with more inside than have entered"),
            Text("4 条累计入园减少", "4 falls of the day's total"),
            Text("6 条承载率与人数不符", "6 loads that contradict the visitors"),
            Text("7 条预警等级错误，3 条未知等级“蓝”", "7 wrong alerts, 3 of the unknown level “蓝”"),
            Text("2 条为上一年的旧数据", "2 stale rows of the year before"),
        ),
    ),
)  # fmt: skip
