"""DP-SF-002 safety events and rescues: persons and places, hence authorised operation only."""

from __future__ import annotations

from functools import cache
from typing import Final

import pandas as pd

from api.sample import checks, files
from api.sample.model import SampleDataset, SampleFile, column, failing, passing, record
from api.sample.places import SUBDISTRICTS, mobile, place_list, repeated, rng, spoil
from core.text import Text

ID: Final = "DP-SF-002"
COUNT: Final = 1_920
PERIOD: Final = ("2026-01-01", "2026-09-30")
MONTH_WEIGHTS: Final = (4, 6, 5, 7, 10, 11, 16, 17, 9)
KINDS: Final = {
    "溺水": "游客在{place}海域下水后体力不支，救援队到场救起",
    "迷路": "游客在{place}山线偏离步道，定位后由救援队引导下山",
    "跌落": "游客在{place}礁石边滑倒受伤，现场包扎后送医",
    "交通": "{place}路段小客车与电动自行车刮擦",
    "食品": "游客在{place}用餐后身体不适，已转诊",
    "设备": "{place}游乐设备故障停机，人员已疏散",
    "火情": "{place}烧烤区明火，已扑灭",
}
KIND_SHARES: Final = (0.21, 0.24, 0.17, 0.20, 0.07, 0.05, 0.06)
TEAMS: Final = ("海上救援一队", "海上救援二队", "山地救援队", "葵涌消防站", "大鹏消防站", "南澳消防站")
REVIEW: Final = ("未核定", "已核定")

COLUMNS: Final = [
    column("event_id", Text("事件编号", "Event number"), "string", Text("SF-年份加四位数字", "SF-, year and four digits"), level=2, primary=True),
    column("event_time", Text("事发时间", "Time"), "datetime", Text("北京时间", "Beijing time"), level=3, identifier="QI"),
    column("event_type", Text("事件类型", "Kind of event"), "string", Text("事件分类", "Kind of event"), level=2, identifier="QI", code_list="event_type"),
    column("grid_code", Text("网格编码", "Grid cell"), "string", Text("1 公里网格", "One-kilometre grid"), level=3, identifier="QI"),
    column("subdistrict", Text("所在办事处", "Subdistrict"), "string", Text("所在街道办事处", "Subdistrict office"), level=2, identifier="QI", code_list="subdistrict"),
    column("injured", Text("受伤人数", "Injured"), "integer", Text("核定受伤人数", "Persons injured"), unit="人", level=3, identifier="SI"),
    column("deceased", Text("死亡人数", "Deceased"), "integer", Text("核定死亡人数", "Persons deceased"), unit="人", level=3, identifier="SI"),
    column("review_state", Text("核定状态", "Review"), "string", Text("亡人事件须经核定", "Events with deaths are reviewed"), level=2, code_list="review_state"),
    column("rescue_team", Text("救援力量", "Rescue team"), "string", Text("到场救援队伍", "Who came"), level=2),
    column("response_min", Text("响应时长", "Response"), "integer", Text("接警至到场", "From call to arrival"), unit="min", level=2),
    column("closed_min", Text("处置时长", "Closed after"), "integer", Text("接警至办结", "From call to close"), unit="min", level=2),
    column("caller_phone", Text("报警人电话", "Caller's telephone"), "string", Text("不得出域", "Never leaves"), level=3, identifier="DI"),
    column("narrative", Text("情况描述", "Narrative"), "string", Text("不得出域，不得含联系方式", "Never leaves, holds no contacts"), level=3, identifier="DI"),
]  # fmt: skip

SUITE: Final = checks.suite(
    ID,
    checks.exactly_columns("SF2-columns", COLUMNS),
    checks.unique("SF2-unique", ["event_id"], Text("事件编号不得重复", "An event number occurs once")),
    checks.shaped("SF2-id", "event_id", r"^SF-2026[0-9]{4}$", Text("编号须为 SF-年份加四位数字", "A number is SF-, the year and four digits")),
    checks.known("SF2-type", "event_type", tuple(KINDS), Text("类型须在代码表内", "The kind is on the code list")),
    checks.known("SF2-subdistrict", "subdistrict", SUBDISTRICTS, Text("办事处须为葵涌、大鹏、南澳之一", "The subdistrict is one of the three")),
    checks.shaped("SF2-grid", "grid_code", r"^E[0-9]{5}N[0-9]{4}$", Text("位置只许用 1 公里网格", "Places are one-kilometre cells only"), code="0106"),
    checks.within("SF2-response", "response_min", 0, 600, Text("响应时长须在 0 至 600 分钟", "The response takes 0 to 600 minutes")),
    checks.at_least("SF2-order", "closed_min", "response_min", Text("办结不得早于到场", "Not closed before the arrival"), code="0503"),
    checks.within("SF2-injured", "injured", 0, 50, Text("受伤人数须在 0 至 50", "0 to 50 injured")),
    checks.none_where("SF2-review", "0104", "deceased > 0 AND review_state <> '已核定'", Text("亡人事件须经核定", "Events with deaths have been reviewed")),
    checks.free_of("SF2-mobile", "narrative", checks.MOBILE, Text("情况描述不得含手机号", "No mobile number in the narrative")),
    checks.free_of("SF2-citizen-id", "narrative", checks.CITIZEN_ID, Text("情况描述不得含身份证号", "No citizen number in the narrative")),
    checks.within("SF2-period", "event_time", f"{PERIOD[0]}T00:00:00", f"{PERIOD[1]}T23:59:59", Text("事发时间须在统计时段内", "The event lies in the period"), code="0501"),
    checks.present("SF2-caller", "caller_phone", Text("报警人电话应登记", "The caller's telephone is on record"), severity="info"),
)  # fmt: skip


EXPORT: Final = checks.export_suite(
    ID,
    checks.withheld("SF2X-caller", "caller_phone", Text("报警人电话不得出域", "The caller's telephone never leaves")),
    checks.withheld("SF2X-narrative", "narrative", Text("情况描述不得出域", "The narrative never leaves")),
    checks.without_phones("SF2X-team", "rescue_team", Text("救援力量不得含手机号", "No mobile number in the rescue team")),
    checks.check("SF2X-cells", "0106", "expect_groups_to_hold_at_least_k_rows", Text("按办事处与类型分组，每组不得少于 5 起", "By subdistrict and kind no group of fewer than 5"),
                 column_list=["subdistrict", "event_type"], k=5),
)  # fmt: skip


@cache
def events() -> pd.DataFrame:
    """In the order of time; more in summer and at weekends, deaths rare and always reviewed."""
    draw = rng(9)
    days = pd.date_range(*PERIOD, freq="D")
    weights = pd.Series([MONTH_WEIGHTS[day.month - 1] * (2.2 if day.day_of_week >= 5 else 1) for day in days])
    drawn = sorted(draw.choice(len(days), size=COUNT, p=weights / weights.sum()))
    rows = []
    for i, (day, place) in enumerate(zip(drawn, place_list(draw, COUNT), strict=True), start=1):
        kind = str(draw.choice(tuple(KINDS), p=KIND_SHARES))
        minute = int(draw.triangular(7 * 60, 15 * 60, 22 * 60))
        response = int(3 + draw.gamma(2.2, 6.0))
        died = kind in ("溺水", "跌落") and bool(draw.random() < 0.04)
        rows.append(
            {
                "event_id": f"SF-2026{i:04d}",
                "event_time": days[day] + pd.Timedelta(minutes=minute),
                "event_type": kind,
                "grid_code": f"E{int(place.lon * 100):05d}N{int(place.lat * 100):04d}",
                "subdistrict": place.subdistrict,
                "injured": int(draw.poisson(0.5)),
                "deceased": int(died),
                "review_state": "已核定" if died or draw.random() < 0.9 else "未核定",
                "rescue_team": TEAMS[draw.integers(len(TEAMS))],
                "response_min": response,
                "closed_min": response + int(draw.gamma(2.0, 25.0)),
                "caller_phone": mobile(i),
                "narrative": KINDS[kind].format(place=place.name),
            }
        )
    return pd.DataFrame(rows)


def _workbook(frame: pd.DataFrame) -> bytes:
    notes = ("本表含个人信息，仅限授权人员使用。",)
    return files.as_xlsx(
        files.titled(frame, COLUMNS), sheet="事件", title="旅游安全事件登记表（2026年1—9月）", notes=notes
    )


def _defective() -> bytes:
    frame = events().copy()
    spoil(frame, range(10, 14), narrative=[f"游客走失，家属电话{mobile(n)}，已找到" for n in range(4)])
    spoil(frame, range(20, 22), narrative="伤者身份证440300200101010010，已送医")
    spoil(frame, range(30, 35), closed_min=frame["response_min"].iloc[30:35] - 2)
    spoil(frame, range(40, 43), event_type="走失")
    spoil(frame, range(50, 53), grid_code=["114.4871,22.5573", "114.5733,22.5501", "114.5409,22.4823"])
    spoil(frame, range(60, 63), event_time=pd.Timestamp("2024-05-01 10:30"))
    spoil(frame, range(70, 72), deceased=1, review_state="未核定")
    spoil(frame, [80], injured=500)
    spoil(frame, range(90, 97), caller_phone=None)
    return _workbook(repeated(frame, range(100, 102)))


DATASET: Final = SampleDataset(
    ID,
    record(
        ID,
        Text("旅游安全事件", "Safety events and rescues"),
        Text(
            "涉旅溺水、迷路、跌落等事件与救援记录；含个人信息，仅以授权运营方式提供聚合或脱敏结果。",
            "Drownings, lost hikers, falls and other events with the rescues; holds personal data, offered in aggregated or masked form by authorised operation only.",
        ),
        publisher="org-emergency",
        keywords=[Text("安全", "safety"), Text("救援", "rescue"), Text("保险", "insurance")],
        period=PERIOD,
        freq="3",
        interval=None,
        level=3,
        open_type="C",
        auth_op="yes",
        data_class="personal",
        source_system=Text("应急指挥调度系统", "Emergency dispatch system"),
        lineage=Text("接警登记，办结后由应急部门核定", "Recorded at the call, reviewed by the emergency office after the close"),
        formats=["xlsx", "parquet"],
    ),
    COLUMNS,
    SUITE,
    SampleFile("旅游安全事件_2026年1-9月_更正.xlsx", lambda: _workbook(events()), passing()),
    SampleFile(
        "旅游安全事件_2026年1-9月.xlsx",
        _defective,
        failing(
            SF2_unique=4,
            SF2_type=3,
            SF2_grid=3,
            SF2_order=5,
            SF2_injured=1,
            SF2_review=2,
            SF2_mobile=4,
            SF2_citizen_id=2,
            SF2_period=3,
            SF2_caller=7,
        ),
        (
            Text("4 条描述含手机号，2 条含身份证号", "4 narratives with a mobile number, 2 with a citizen number"),
            Text("3 处用精确坐标代替网格", "3 exact positions in place of the grid"),
            Text("5 条办结早于到场，3 条为 2024 年旧数据", "5 closed before the arrival, 3 stale events of 2024"),
            Text("2 条亡人事件未核定，1 条受伤人数 500", "2 deaths without review, 1 event with 500 injured"),
            Text("3 条未知类型“走失”，2 条重复，7 条无报警电话", "3 of the unknown kind “走失”, 2 twice, 7 without the caller's telephone"),
        ),
    ),
    {"sheet": "事件"},
    export=EXPORT,
)  # fmt: skip
