"""DP-WX-001 hourly station weather: GB18030 with title lines above the header, as old systems export it."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import pandas as pd

from api.sample import checks, files
from api.sample.model import SampleDataset, SampleFile, column, failing, passing, record
from api.sample.places import HOLIDAY, PLACES, day_tide, repeated, rng, spoil
from core.text import Text

ID: Final = "DP-WX-001"
STATION_IDS: Final = tuple(f"G38{i:02d}" for i in range(1, 21))
HOURS: Final = 24 * 7
TITLES: Final = ("大鹏新区自动气象站逐小时观测资料", "统计时段：2026年10月1日至10月7日　单位见数据字典")

COLUMNS: Final = [
    column("station_id", Text("站号", "Station"), "string", Text("自动站编号", "Number of the station"), primary=True),
    column("station_name", Text("站名", "Station name"), "string", Text("所在地名", "Where it stands")),
    column("obs_time", Text("观测时间", "Observed at"), "datetime", Text("北京时间，整点", "Beijing time, on the hour"), primary=True),
    column("temp_c", Text("气温", "Temperature"), "number", Text("整点气温", "At the hour"), unit="℃"),
    column("rh_pct", Text("相对湿度", "Relative humidity"), "integer", Text("整点相对湿度", "At the hour"), unit="%"),
    column("wind_ms", Text("风速", "Wind speed"), "number", Text("十分钟平均", "Mean of ten minutes"), unit="m/s"),
    column("wind_dir_deg", Text("风向", "Wind direction"), "integer", Text("来向，北为 0", "Where it comes from, north is 0"), unit="°"),
    column("rain_1h_mm", Text("一小时雨量", "Rain in the hour"), "number", Text("过去一小时", "Over the last hour"), unit="mm"),
    column("pressure_hpa", Text("气压", "Pressure"), "number", Text("本站气压", "At the station"), unit="hPa"),
    column("visibility_m", Text("能见度", "Visibility"), "integer", Text("无能见度仪的时次填 ///", "/// where it was not measured"), unit="m", nullable=True),
    column("qc_flag", Text("质控码", "Quality flag"), "integer", Text("0 正确 1 可疑 2 错误", "0 right 1 doubtful 2 wrong"), code_list="qc_flag"),
]  # fmt: skip

DAYS_SQL: Final = (
    "SELECT station_id, CAST(obs_time AS DATE) AS obs_date, count(*) AS hours FROM {batch} "
    "GROUP BY station_id, CAST(obs_time AS DATE) HAVING count(*) <> 24"
)
SUITE: Final = checks.suite(
    ID,
    checks.exactly_columns("WX1-columns", COLUMNS),
    checks.unique("WX1-unique", ["station_id", "obs_time"], Text("同一站同一时次只有一条记录", "One row per station and hour")),
    checks.covers("WX1-all-stations", "station_id", STATION_IDS, Text("全部 20 个站均须有资料", "All 20 stations report")),
    checks.known("WX1-station", "station_id", STATION_IDS, Text("站号须在站网名录内", "The station is one of the network"), code="0402"),
    checks.no_rows("WX1-hours", "0202", DAYS_SQL, Text("每站每日 24 个时次", "24 hours per station and day")),
    checks.present("WX1-temp-given", "temp_c", Text("气温必填", "The temperature is given")),
    checks.within("WX1-temp", "temp_c", -5, 45, Text("气温须在 −5 至 45 ℃", "The temperature is −5 to 45 ℃")),
    checks.within("WX1-rh", "rh_pct", 0, 100, Text("相对湿度须在 0 至 100%", "The humidity is 0 to 100 %")),
    checks.within("WX1-wind", "wind_ms", 0, 70, Text("风速须在 0 至 70 m/s", "The wind speed is 0 to 70 m/s")),
    checks.within("WX1-dir", "wind_dir_deg", 0, 360, Text("风向须在 0 至 360°", "The wind direction is 0 to 360°")),
    checks.within("WX1-rain", "rain_1h_mm", 0, 200, Text("小时雨量须在 0 至 200 mm", "The rain of an hour is 0 to 200 mm")),
    checks.known("WX1-flag", "qc_flag", [0, 1, 2], Text("质控码须为 0、1、2", "The quality flag is 0, 1 or 2")),
    checks.check("WX1-wrong", "0305", "expect_column_values_to_not_be_in_set", Text("错误资料不超过 2%", "At most 2 % of the rows are flagged wrong"),
                 severity="warning", column="qc_flag", value_set=[2], mostly=0.98),
    checks.check("WX1-step", "0305", "expect_values_to_change_slowly", Text("气温每小时变化不超过 10 ℃", "The temperature changes by at most 10 ℃ an hour"),
                 severity="warning", group_columns=["station_id"], time_column="obs_time", column="temp_c", max_change=10, per="PT1H"),
    checks.within("WX1-period", "obs_time", f"{HOLIDAY[0]}T00:00:00", f"{HOLIDAY[1]}T23:00:00", Text("观测时间须在统计时段内", "Observed in the period of the batch"), code="0501"),
)  # fmt: skip


@cache
def weather() -> pd.DataFrame:
    """Rows in the order of station, then time: warm afternoons, sea breeze, one wet day."""
    draw = rng(7)
    stamps = pd.date_range(HOLIDAY[0], periods=HOURS, freq="h")
    hours = np.arange(HOURS) % 24
    wet = np.where(stamps.day == 5, day_tide(hours.astype(float), 15.0, 3.0), 0.0)
    front = 26.2 + np.cumsum(draw.normal(0, 0.05, HOURS))
    frames = []
    for index, station in enumerate(STATION_IDS):
        swing = 5.0 * day_tide(hours.astype(float), 14.0, 5.0)
        temp = front + swing - 2.0 * wet + draw.normal(0, 0.25, HOURS) - 0.1 * (index % 5)
        rain = np.where(wet > 0.1, draw.gamma(1.2, 9.0, HOURS) * wet, 0.0)
        frames.append(
            pd.DataFrame(
                {
                    "station_id": station,
                    "station_name": PLACES[index].name,
                    "obs_time": stamps,
                    "temp_c": temp.round(1),
                    "rh_pct": np.clip(92 - 5 * swing + 12 * wet + draw.normal(0, 3, HOURS), 35, 100).astype(
                        int
                    ),
                    "wind_ms": (1.2 + draw.gamma(2.0, 0.9, HOURS) + 0.3 * swing).round(1),
                    "wind_dir_deg": (draw.normal(110, 35, HOURS) % 360).astype(int),
                    "rain_1h_mm": rain.round(1),
                    "pressure_hpa": (1010 + draw.normal(0, 1.1, HOURS) - index % 4).round(1),
                    "visibility_m": np.clip(
                        draw.normal(16000, 5000, HOURS) * (1 - 0.7 * wet), 800, 30000
                    ).astype(int),
                    "qc_flag": draw.choice([0, 1, 2], size=HOURS, p=[0.985, 0.012, 0.003]),
                }
            )
        )
    frame = pd.concat(frames, ignore_index=True)
    frame["visibility_m"] = frame["visibility_m"].astype(str)
    spoil(frame, range(7, len(frame), 97), visibility_m="///")
    return frame


def _csv(frame: pd.DataFrame) -> bytes:
    return files.as_csv(files.titled(frame, COLUMNS), encoding="gb18030", above=TITLES)


def _defective() -> bytes:
    frame = weather()
    frame = frame[frame["station_id"] != STATION_IDS[12]].reset_index(drop=True)
    spoil(frame, [30, 530, 1030, 1530], temp_c=99.9)
    spoil(frame, range(200, 205), rh_pct=105)
    spoil(frame, range(700, 703), wind_dir_deg=999)
    spoil(frame, range(1200, 1206), qc_flag=9)
    spoil(frame, [1700, 1701], rain_1h_mm=-99.9)
    spoil(frame, [1800, 1801, 1802], temp_c=np.nan)
    frame = repeated(frame, [2000, 2100, 2200, 2300])
    return _csv(frame.drop(index=[2400, 2401, 2402]))


DATASET: Final = SampleDataset(
    ID,
    record(
        ID,
        Text("自动站逐小时观测", "Hourly station weather"),
        Text(
            "新区 20 个自动气象站逐小时气温、湿度、风、雨量、气压与能见度；本批为国庆假期七日。",
            "Hourly temperature, humidity, wind, rain, pressure and visibility of the district's 20 stations; seven days of the National Day holiday.",
        ),
        publisher="org-weather",
        keywords=[Text("气象", "weather"), Text("自动站", "station"), Text("雨量", "rain")],
        period=HOLIDAY,
        freq="9",
        interval="PT1H",
        auth_op="negotiable",
        source_system=Text("自动气象站资料库", "Archive of the automatic stations"),
        lineage=Text("自动站观测，质控后按小时导出", "Observed by the stations, flagged, exported by the hour"),
        formats=["csv", "parquet"],
        crs="CGCS2000",
    ),
    COLUMNS,
    SUITE,
    SampleFile("自动站逐小时_20261001-07_更正.csv", lambda: _csv(weather()), passing()),
    SampleFile(
        "自动站逐小时_20261001-07.csv",
        _defective,
        failing(
            WX1_unique=8,
            WX1_all_stations=None,
            WX1_hours=5,
            WX1_temp_given=3,
            WX1_temp=4,
            WX1_rh=5,
            WX1_dir=3,
            WX1_rain=2,
            WX1_flag=6,
            WX1_step=8,
        ),
        (
            Text("1 个站全时段缺报，另缺 3 个时次", "1 station missing throughout, 3 more hours missing"),
            Text("4 条重复记录", "4 rows sent twice"),
            Text("4 条气温为占位值 99.9，3 条无气温", "4 temperatures of the filler 99.9, 3 missing"),
            Text("5 条湿度 105%，3 条风向 999，2 条雨量 −99.9", "5 humidities of 105 %, 3 directions of 999, 2 rains of −99.9"),
            Text("6 条未知质控码 9", "6 rows with the unknown flag 9"),
        ),
    ),
    {"null_values": ["///"]},
)  # fmt: skip
