"""DP-TR-002 tourist bus and shuttle runs of one holiday, gzipped; vehicles only by an opaque mark."""

from __future__ import annotations

import gzip
from functools import cache
from typing import Final

import pandas as pd

from api.sample import checks, files
from api.sample.model import SampleDataset, SampleFile, column, failing, passing, record
from api.sample.places import PLACES, place_list, repeated, rng, spoil
from core.text import Text

ID: Final = "DP-TR-002"
DAY: Final = "2026-10-03"
LINES: Final = 30
LINE_CODES: Final = tuple(f"E{360 + i}" for i in range(LINES))

COLUMNS: Final = [
    column("run_id", Text("班次编号", "Run"), "string", Text("线路、日期与序号", "Line, day and number"), primary=True),
    column("line_code", Text("线路编码", "Line code"), "string", Text("E 加三位数字", "E and three digits")),
    column("line_name", Text("线路名称", "Line"), "string", Text("起点至终点", "From and to")),
    column("stop_seq", Text("站序", "Stop number"), "integer", Text("自起点为 1", "1 is where the line begins"), primary=True),
    column("stop_name", Text("站名", "Stop"), "string", Text("停靠站", "Where it stops")),
    column("sched_time", Text("计划时刻", "Scheduled"), "datetime", Text("北京时间", "Beijing time")),
    column("actual_time", Text("实际时刻", "Actual"), "datetime", Text("未到站为空", "Empty if it did not come"), nullable=True),
    column("capacity", Text("核载", "Capacity"), "integer", Text("车辆核定载客", "Passengers allowed"), unit="人"),
    column("boarded", Text("上客", "Boarded"), "integer", Text("本站上客", "Boarded at this stop"), unit="人", identifier="SI"),
    column("vehicle_mark", Text("车辆标识", "Vehicle mark"), "string", Text("由车牌散列，不可还原", "A keyed hash of the plate")),
]  # fmt: skip

ORDER_SQL: Final = (
    "SELECT * FROM (SELECT *, lag(sched_time) OVER (PARTITION BY run_id ORDER BY stop_seq) AS before "
    "FROM {batch}) AS stops WHERE sched_time < before"
)
SUITE: Final = checks.suite(
    ID,
    checks.exactly_columns("TR2-columns", COLUMNS),
    checks.unique("TR2-unique", ["run_id", "stop_seq"], Text("同一班次同一站序只有一条记录", "One row per run and stop")),
    checks.covers("TR2-all-lines", "line_code", LINE_CODES, Text("全部线路均须上报", "All lines report")),
    checks.known("TR2-line", "line_code", LINE_CODES, Text("线路编码须在名录内", "The line is one of the network"), code="0402"),
    checks.none_where("TR2-boarded", "0104", "boarded > capacity * 1.2", Text("上客不得超过核载的 1.2 倍", "At most 1.2 times the capacity boards")),
    checks.none_where("TR2-early", "0503", "actual_time < sched_time - INTERVAL 10 MINUTE", Text("到站不得早于计划 10 分钟以上", "At most 10 minutes ahead of schedule")),
    checks.no_rows("TR2-order", "0503", ORDER_SQL, Text("计划时刻随站序递增", "Scheduled times rise with the stops")),
    checks.free_of("TR2-plate", "vehicle_mark", checks.PLATE, Text("不得出现车牌号", "No number plates")),
    checks.within("TR2-capacity", "capacity", 10, 120, Text("核载须在 10 至 120 人", "The capacity is 10 to 120")),
    checks.check("TR2-came", "0201", "expect_column_values_to_not_be_null", Text("实际时刻填报率不低于 95%", "At least 95 % of the actual times are given"),
                 severity="warning", column="actual_time", mostly=0.95),
)  # fmt: skip


EXPORT: Final = checks.export_suite(
    ID,
    checks.free_of("TR2X-plate", "vehicle_mark", checks.PLATE, Text("不得出现车牌号", "No number plates")),
    checks.without_phones("TR2X-mark", "vehicle_mark", Text("车辆标识不得含手机号", "No mobile number in the vehicle mark")),
    checks.without_phones("TR2X-stop", "stop_name", Text("站名不得含手机号", "No mobile number in the stop's name")),
)  # fmt: skip


@cache
def shuttles() -> pd.DataFrame:
    """In the order of line, run and stop; eight runs a line between seven and nineteen o'clock, late at noon."""
    draw = rng(15)
    rows = []
    for index, line in enumerate(LINE_CODES):
        stops = [place.name for place in dict.fromkeys(place_list(draw, 14))][:7]
        end = PLACES[index % len(PLACES)].name
        for run in range(1, 9):
            start = pd.Timestamp(DAY) + pd.Timedelta(minutes=420 + run * 85 + int(draw.integers(0, 20)))
            mark, capacity = f"V{draw.integers(16**8):08x}", int(draw.choice([29, 45, 53]))
            late = 0.0
            for seq, stop in enumerate([*stops, f"{end}总站"], start=1):
                late += float(draw.gamma(1.2, 1.2 if 10 <= start.hour < 14 else 0.5))
                due = start + pd.Timedelta(minutes=9 * (seq - 1))
                came = draw.random() > 0.01
                rows.append(
                    {
                        "run_id": f"{line}-1003-{run:02d}",
                        "line_code": line,
                        "line_name": f"{stops[0]}—{end}旅游专线",
                        "stop_seq": seq,
                        "stop_name": stop,
                        "sched_time": due,
                        "actual_time": due + pd.Timedelta(seconds=int(late * 60)) if came else pd.NaT,
                        "capacity": capacity,
                        "boarded": min(capacity, int(draw.poisson(max(1, 16 - 2 * seq)))),
                        "vehicle_mark": mark,
                    }
                )
    return pd.DataFrame(rows)


def packed(frame: pd.DataFrame) -> bytes:
    """A batch as the department hands it in."""
    return gzip.compress(files.as_csv(frame, encoding="utf-8"), mtime=0)


def _defective() -> bytes:
    frame = shuttles()
    frame = frame[frame["line_code"] != LINE_CODES[4]].reset_index(drop=True)
    spoil(frame, range(100, 106), boarded=400)
    spoil(frame, range(200, 204), vehicle_mark=[f"粤B{n:05d}" for n in range(4)])
    spoil(frame, range(300, 305), actual_time=frame["sched_time"].iloc[300:305] - pd.Timedelta(minutes=30))
    last = frame.index[frame["stop_seq"] == frame.groupby("run_id")["stop_seq"].transform("max")].tolist()
    spoil(frame, last[60:63], sched_time=frame["sched_time"].iloc[last[60:63]] - pd.Timedelta(hours=2))
    spoil(frame, range(700, 702), line_code="M999")
    spoil(frame, [800], capacity=0, boarded=0)
    return packed(repeated(frame, range(900, 903)))


DATASET: Final = SampleDataset(
    ID,
    record(
        ID,
        Text("旅游公交与直通车班次", "Tourist bus and shuttle runs"),
        Text(
            "旅游专线各班次逐站计划与实际时刻、核载与上客；车牌已散列。本批为国庆假期一日。",
            "Scheduled and actual times, capacity and boardings of the tourist lines stop by stop; plates are hashed. One day of the National Day holiday.",
        ),
        publisher="org-transport",
        keywords=[Text("公交", "bus"), Text("直通车", "shuttle"), Text("班次", "runs")],
        period=(DAY, DAY),
        freq="3",
        interval=None,
        source_system=Text("公交调度系统", "Bus dispatch system"),
        lineage=Text("车载终端上报，车牌散列后导出", "Sent by the vehicles, plates hashed before export"),
        formats=["csv", "parquet"],
    ),
    COLUMNS,
    SUITE,
    SampleFile("shuttles_20261003_corrected.csv.gz", lambda: packed(shuttles()), passing()),
    SampleFile(
        "shuttles_20261003.csv.gz",
        _defective,
        failing(
            TR2_unique=6,
            TR2_all_lines=None,
            TR2_line=2,
            TR2_boarded=6,
            TR2_early=5,
            TR2_order=3,
            TR2_plate=4,
            TR2_capacity=1,
        ),
        (
            Text("1 条线路整日缺报，2 条未知线路，3 条重复", "1 line missing all day, 2 rows of an unknown line, 3 twice"),
            Text("6 条上客 400 人，1 条核载为零", "6 rows with 400 boarding, 1 without a capacity"),
            Text("4 处出现车牌号", "4 number plates"),
            Text("5 条早到 30 分钟，3 条计划时刻倒序", "5 rows half an hour early, 3 scheduled before the stop before"),
        ),
    ),
    export=EXPORT,
)  # fmt: skip
