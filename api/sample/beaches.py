"""DP-WX-003 beaches and sea state: one JSON object per line, as a sensor gateway writes."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import pandas as pd

from api.sample import checks, files
from api.sample.model import SampleDataset, SampleFile, column, failing, passing, record
from api.sample.places import repeated, rng, spoil
from core.text import Text

ID: Final = "DP-WX-003"
PERIOD: Final = ("2026-07-01", "2026-09-30")
DAYS: Final = 92
BEACHES: Final = (
    "官湖", "溪涌", "沙鱼涌", "金沙湾", "较场尾", "下沙", "水头沙", "西涌一号", "西涌二号", "西涌四号",
    "东涌", "杨梅坑", "桔钓沙", "鹅公湾", "柚柑湾",
)  # fmt: skip
BEACH_IDS: Final = tuple(f"DP-S{i:02d}" for i in range(1, len(BEACHES) + 1))
QUALITY: Final = ("优", "良", "一般", "差")
GRADES: Final = ("微浪", "小浪", "轻浪", "中浪", "大浪")
GRADE_FROM: Final = (0.1, 0.5, 1.25, 2.5)

COLUMNS: Final = [
    column("beach_id", Text("浴场编码", "Beach code"), "string", Text("DP-S 加两位数字", "DP-S and two digits"), primary=True),
    column("beach_name", Text("浴场名称", "Beach"), "string", Text("海滨浴场", "Bathing beach")),
    column("date", Text("日期", "Date"), "date", Text("观测日", "Day of the observation"), primary=True),
    column("water_temp_c", Text("水温", "Water temperature"), "number", Text("十时水温", "At ten o'clock"), unit="℃"),
    column("wave_height_m", Text("浪高", "Wave height"), "number", Text("有效波高", "Significant wave height"), unit="m"),
    column("wave_grade", Text("浪级", "Sea state"), "string", Text("由浪高分级", "Band of the wave height"), code_list="wave_grade"),
    column("tide_high_time", Text("高潮时刻", "High tide at"), "time", Text("当日首个高潮", "First high tide of the day")),
    column("tide_high_cm", Text("高潮潮高", "High tide"), "integer", Text("潮高基准面以上", "Above chart datum"), unit="cm"),
    column("water_quality", Text("水质", "Water quality"), "string", Text("四级评价", "Four grades"), code_list="water_quality"),
    column("swim_index", Text("游泳适宜度", "Swimming index"), "integer", Text("1 不宜至 5 很适宜", "1 unfit to 5 very fit")),
    column("open_status", Text("开放状态", "Status"), "string", Text("开放或关闭", "Open or closed"), code_list="beach_status"),
]  # fmt: skip

GRADE_SQL: Final = (
    "wave_grade <> CASE WHEN wave_height_m < 0.1 THEN '微浪' WHEN wave_height_m < 0.5 THEN '小浪' "
    "WHEN wave_height_m < 1.25 THEN '轻浪' WHEN wave_height_m < 2.5 THEN '中浪' ELSE '大浪' END"
)
SUITE: Final = checks.suite(
    ID,
    checks.exactly_columns("WX3-columns", COLUMNS),
    checks.unique("WX3-unique", ["beach_id", "date"], Text("同一浴场每日一条记录", "One row per beach and day")),
    checks.covers("WX3-all-beaches", "beach_id", BEACH_IDS, Text("全部浴场均须上报", "All beaches report")),
    checks.within("WX3-temp", "water_temp_c", 10, 36, Text("水温须在 10 至 36 ℃", "The water is 10 to 36 ℃")),
    checks.within("WX3-wave", "wave_height_m", 0, 15, Text("浪高须在 0 至 15 m", "Waves are 0 to 15 m")),
    checks.none_where("WX3-grade", "0402", GRADE_SQL, Text("浪级与浪高一致", "The sea state is the band of the wave height"), severity="warning"),
    checks.none_where("WX3-swim", "0104", "wave_height_m >= 1.5 AND swim_index > 2", Text("浪高 1.5 m 以上时适宜度不得高于 2", "Waves of 1.5 m allow an index of 2 at most")),
    checks.known("WX3-quality", "water_quality", QUALITY, Text("水质须在代码表内", "The water quality is on the code list")),
    checks.within("WX3-index", "swim_index", 1, 5, Text("适宜度须为 1 至 5", "The index is 1 to 5")),
    checks.present("WX3-tide", "tide_high_time", Text("高潮时刻应填写", "The time of high tide is given"), severity="info"),
)  # fmt: skip


@cache
def beaches() -> pd.DataFrame:
    """In the order of day, then beach; two storms raise the sea for some days."""
    draw = rng(12)
    rows = []
    for number, day in enumerate(pd.date_range(*PERIOD, freq="D")):
        storm = 2.2 * np.exp(-(((number - 24) / 2.5) ** 2)) + 1.6 * np.exp(-(((number - 68) / 2.0) ** 2))
        tide = (number * 50) % 720
        for index, (beach_id, name) in enumerate(zip(BEACH_IDS, BEACHES, strict=True)):
            wave = round(float(0.3 + 0.04 * index + storm + draw.gamma(2.0, 0.08)), 2)
            quality = QUALITY[min(3, int(draw.exponential(0.6) + storm / 3))]
            swim = (
                1 if wave >= 2 else 2 if wave >= 1.5 else max(1, 5 - int(wave * 2) - QUALITY.index(quality))
            )
            rows.append(
                {
                    "beach_id": beach_id,
                    "beach_name": f"{name}浴场",
                    "date": day,
                    "water_temp_c": round(float(28.4 - 0.3 * storm + draw.normal(0, 0.5)), 1),
                    "wave_height_m": wave,
                    "wave_grade": GRADES[int(np.digitize(wave, GRADE_FROM))],
                    "tide_high_time": f"{tide // 60:02d}:{tide % 60:02d}:00",
                    "tide_high_cm": int(150 + 50 * np.cos(number / 14.77 * 2 * np.pi) + draw.normal(0, 4)),
                    "water_quality": quality,
                    "swim_index": swim,
                    "open_status": "关闭" if swim == 1 else "开放",
                }
            )
    return pd.DataFrame(rows)


def _defective() -> bytes:
    frame = beaches()
    frame = frame[frame["beach_id"] != BEACH_IDS[9]].reset_index(drop=True)
    rough = frame.index[frame["wave_height_m"] >= 1.5].tolist()
    calm = frame.index[frame["wave_height_m"] < 0.5].tolist()
    spoil(frame, rough[:6], swim_index=5)
    spoil(frame, calm[:4], wave_height_m=40.0, swim_index=1)
    spoil(frame, calm[4:7], water_temp_c=278.0)
    spoil(frame, calm[7:12], wave_grade="大浪")
    spoil(frame, calm[12:14], water_quality="合格")
    spoil(frame, calm[14:22], tide_high_time=None)
    return files.as_json_lines(repeated(frame, calm[30:33]))


DATASET: Final = SampleDataset(
    ID,
    record(
        ID,
        Text("海滨浴场与海况", "Beaches and sea state"),
        Text(
            "15 个海滨浴场每日水温、浪高、潮汐、水质与游泳适宜度；本批为 2026 年夏季。",
            "Water temperature, waves, tide, water quality and fitness for swimming at 15 beaches each day; summer of 2026.",
        ),
        publisher="org-weather",
        keywords=[Text("海滨浴场", "beach"), Text("海况", "sea state"), Text("游泳", "swimming")],
        period=PERIOD,
        freq="3",
        interval=None,
        source_system=Text("海滨环境监测系统", "Coastal monitoring system"),
        lineage=Text("浮标与人工观测按日汇总", "Buoys and observers, gathered by the day"),
        formats=["jsonl", "parquet"],
    ),
    COLUMNS,
    SUITE,
    SampleFile("beaches_2026_summer.jsonl", lambda: files.as_json_lines(beaches()), passing()),
    SampleFile(
        "beaches_2026_summer_draft.jsonl",
        _defective,
        failing(
            WX3_unique=6,
            WX3_all_beaches=None,
            WX3_temp=3,
            WX3_wave=4,
            WX3_grade=9,
            WX3_swim=6,
            WX3_quality=2,
            WX3_tide=8,
        ),
        (
            Text("1 个浴场整季缺报，3 条重复", "1 beach missing all season, 3 rows twice"),
            Text("6 条大浪日适宜度仍为 5", "6 days of high waves with an index of 5"),
            Text("4 条浪高 40 m，3 条水温漏小数点", "4 waves of 40 m, 3 temperatures without their decimal point"),
            Text("5 条浪级与浪高不符，2 条未知水质", "5 sea states that contradict the waves, 2 unknown qualities"),
            Text("8 条无高潮时刻", "8 without the time of high tide"),
        ),
    ),
)  # fmt: skip
