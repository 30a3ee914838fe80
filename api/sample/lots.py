"""DP-PK-001 parking lots: a workbook with a merged title, as the monthly return comes in."""

from __future__ import annotations

from functools import cache
from typing import Final

import pandas as pd

from api.sample import checks, files
from api.sample.model import SampleDataset, SampleFile, column, failing, passing, record
from api.sample.places import (
    LAT,
    LON,
    ROADS,
    SUBDISTRICTS,
    landline,
    mobile,
    near,
    place_list,
    repeated,
    rng,
    spoil,
)
from core.text import Text

ID: Final = "DP-PK-001"
COUNT: Final = 160
TYPES: Final = ("路内", "路外公共", "景区配建", "机关事业单位", "临时")
FEES: Final = ("首小时5元，之后2元/小时", "10元/次", "20元/天", "免费")

COLUMNS: Final = [
    column("lot_id", Text("停车场编码", "Lot code"), "string", Text("DP-P 加四位数字", "DP-P and four digits"), primary=True),
    column("lot_name", Text("停车场名称", "Lot name"), "string", Text("对外使用的名称", "Name in public use")),
    column("lot_type", Text("停车场类型", "Lot type"), "string", Text("按设置位置分类", "By where it lies"), code_list="lot_type"),
    column("address", Text("地址", "Address"), "string", Text("街道、道路与门牌", "Subdistrict, road and number")),
    column("subdistrict", Text("所在办事处", "Subdistrict"), "string", Text("所在街道办事处", "Subdistrict office"), code_list="subdistrict"),
    column("lon", Text("经度", "Longitude"), "number", Text("出入口经度", "Longitude of the entrance"), unit="°"),
    column("lat", Text("纬度", "Latitude"), "number", Text("出入口纬度", "Latitude of the entrance"), unit="°"),
    column("total_spaces", Text("总车位", "Spaces"), "integer", Text("可用车位总数", "All usable spaces"), unit="个"),
    column("ev_spaces", Text("充电车位", "Charging spaces"), "integer", Text("配充电桩的车位", "Spaces with a charger"), unit="个"),
    column("accessible_spaces", Text("无障碍车位", "Accessible spaces"), "integer", Text("无障碍专用车位", "Spaces for disabled drivers"), unit="个"),
    column("fee_rule", Text("收费标准", "Fee"), "string", Text("公示的收费标准", "Fee as posted")),
    column("holiday_free", Text("节假日免费", "Free on holidays"), "boolean", Text("节假日是否向游客免费开放", "Open to visitors free of charge on holidays")),
    column("free_from", Text("免费起始日", "Free from"), "date", Text("免费开放首日", "First free day"), nullable=True),
    column("free_to", Text("免费截止日", "Free to"), "date", Text("免费开放末日", "Last free day"), nullable=True),
    column("operator_name", Text("运营单位", "Operator"), "string", Text("负责日常运营的单位", "Who runs it"), identifier="SI"),
    column("duty_phone", Text("值班电话", "Duty telephone"), "string", Text("值班室固定电话", "Landline of the duty room"), identifier="QI"),
]  # fmt: skip

SUITE: Final = checks.suite(
    ID,
    checks.exactly_columns("PK1-columns", COLUMNS),
    checks.unique("PK1-unique", ["lot_id"], Text("停车场编码不得重复", "A lot code occurs once")),
    checks.shaped("PK1-id", "lot_id", r"^DP-P[0-9]{4}$", Text("编码须为 DP-P 加四位数字", "A lot code is DP-P and four digits")),
    checks.present("PK1-name", "lot_name", Text("名称必填", "A lot has a name")),
    checks.known("PK1-type", "lot_type", TYPES, Text("类型须在代码表内", "The lot type is on the code list")),
    checks.known("PK1-subdistrict", "subdistrict", SUBDISTRICTS, Text("办事处须为葵涌、大鹏、南澳之一", "The subdistrict is one of the three")),
    checks.within("PK1-spaces", "total_spaces", 1, 5000, Text("总车位须在 1 至 5000 之间", "A lot has 1 to 5000 spaces")),
    checks.none_where("PK1-special", "0104", "ev_spaces + accessible_spaces > total_spaces",
                      Text("充电与无障碍车位之和不得超过总车位", "Charging and accessible spaces together do not exceed all spaces")),
    checks.none_where("PK1-free-dates", "0104", "holiday_free AND (free_from IS NULL OR free_to IS NULL)",
                      Text("节假日免费的须填写起止日期", "A lot that is free on holidays says from when to when")),
    checks.at_least("PK1-free-order", "free_to", "free_from", Text("免费截止日不得早于起始日", "Free days do not end before they begin"), code="0503"),
    checks.within("PK1-lon", "lon", *LON, Text("经度须在新区范围内", "The longitude lies in the district")),
    checks.within("PK1-lat", "lat", *LAT, Text("纬度须在新区范围内", "The latitude lies in the district")),
    checks.check("PK1-crs", "0301", "expect_coordinates_to_fit_crs", Text("坐标按 CGCS2000 须落在新区范围内", "The position lies in the district, read as CGCS2000"),
                 longitude="lon", latitude="lat", crs="CGCS2000", area=[LON[0], LAT[0], LON[1], LAT[1]]),
    checks.check("PK1-kept", "0202", "expect_rows_to_agree_with_last_release", Text("与上月相比，消失的停车场不超过 5%", "At most 5 % of last month's lots are gone"),
                 severity="warning", keys=["lot_id"], max_removed=0.05),
    checks.free_of("PK1-mobile", "duty_phone", checks.MOBILE, Text("值班电话不得为个人手机号", "The duty telephone is nobody's mobile")),
    checks.check("PK1-dirty", "0305", "expect_column_values_to_not_be_in_set", Text("名称不得为测试数据", "No test entries among the names"),
                 severity="warning", column="lot_name", value_set=["测试", "NULL", "无"]),
)  # fmt: skip


@cache
def lots() -> pd.DataFrame:
    """One row for each lot; other parking datasets take their lots from here. Do not change it in place."""
    draw = rng(1)
    places = place_list(draw, COUNT)
    kinds = draw.choice(TYPES, size=COUNT, p=[0.22, 0.24, 0.26, 0.18, 0.10])
    low, high = {"路内": (8, 60)}, {"景区配建": (80, 900), "临时": (60, 500)}
    rows = []
    for i, (place, kind) in enumerate(zip(places, kinds, strict=True), start=1):
        floor, roof = low.get(kind) or high.get(kind) or (30, 260)
        total = int(draw.integers(floor, roof))
        free = kind in ("机关事业单位", "临时") and bool(draw.random() < 0.8)
        lon, lat = near(place, draw)
        road = ROADS[draw.integers(len(ROADS))]
        rows.append(
            {
                "lot_id": f"DP-P{i:04d}",
                "lot_name": f"{place.name}{road}{i}号停车场",
                "lot_type": str(kind),
                "address": f"大鹏新区{place.subdistrict}办事处{road}{int(draw.integers(1, 200))}号",
                "subdistrict": place.subdistrict,
                "lon": lon,
                "lat": lat,
                "total_spaces": total,
                "ev_spaces": int(total * draw.uniform(0.02, 0.15)),
                "accessible_spaces": max(1, total // 50),
                "fee_rule": "免费" if kind == "机关事业单位" else FEES[draw.integers(3)],
                "holiday_free": "是" if free else "否",
                "free_from": pd.Timestamp("2026-10-01") if free else pd.NaT,
                "free_to": pd.Timestamp("2026-10-07") if free else pd.NaT,
                "operator_name": f"示例停车运营{draw.integers(1, 13)}公司",
                "duty_phone": landline(i),
            }
        )
    return pd.DataFrame(rows)


def _workbook(frame: pd.DataFrame) -> bytes:
    notes = ("本表由各办事处每月5日前填报。", "坐标系为 CGCS2000，保留六位小数。")
    return files.as_xlsx(
        files.titled(frame, COLUMNS),
        sheet="停车场",
        title="大鹏新区停车场基础信息表（2026年10月）",
        notes=notes,
    )


def _defective() -> bytes:
    frame = lots().copy()
    spoil(frame, [3, 40, 77], total_spaces=0, ev_spaces=0, accessible_spaces=0)
    spoil(frame, [10, 11, 12, 13], ev_spaces=6000)
    spoil(frame, [20, 21], lot_type="立体车库")
    spoil(frame, [30, 31, 32, 33, 34], duty_phone=[mobile(n) for n in range(5)])
    spoil(frame, [50, 51], lon=[22.6012, 22.5938], lat=[114.4021, 114.5132])
    spoil(frame, [60], lot_name="测试")
    free = [i for i, flag in enumerate(frame["holiday_free"]) if flag == "是"]
    spoil(frame, free[:6], free_to=pd.NaT)
    spoil(frame, free[6:8], free_to=pd.Timestamp("2026-09-01"))
    return _workbook(repeated(frame, [90, 91, 92]))


DATASET: Final = SampleDataset(
    ID,
    record(
        ID,
        Text("停车场基础信息", "Parking lots"),
        Text(
            "大鹏新区公共停车场、景区配建、机关事业单位及临时停车场的位置、车位、收费与节假日免费开放安排。",
            "Where the district's public, scenic, institutional and temporary lots are, "
            "how many spaces they have, what they cost and when they are free.",
        ),
        publisher="org-parking",
        keywords=[Text("停车", "parking"), Text("车位", "spaces"), Text("节假日免费", "free on holidays")],
        period=("2026-10-01", "2026-10-31"),
        freq="5",
        interval=None,
        source_system=Text("停车场备案台账", "Register of parking lots"),
        lineage=Text("各办事处按月填报，停车管理部门汇总", "Returned monthly by the subdistricts, merged by the parking office"),
        formats=["xlsx", "parquet"],
        crs="CGCS2000",
    ),
    COLUMNS,
    SUITE,
    SampleFile("停车场基础信息_202610.xlsx", lambda: _workbook(lots()), passing()),
    SampleFile(
        "停车场基础信息_202610_初报.xlsx",
        _defective,
        failing(
            PK1_unique=6,
            PK1_type=2,
            PK1_spaces=3,
            PK1_special=4,
            PK1_free_dates=6,
            PK1_free_order=2,
            PK1_lon=2,
            PK1_lat=2,
            PK1_crs=2,
            PK1_mobile=5,
            PK1_dirty=1,
        ),
        (
            Text("3 个停车场重复报送", "3 lots sent twice"),
            Text("3 个车位数为零，4 个充电车位多于总车位", "3 without spaces, 4 with more chargers than spaces"),
            Text("2 个类型不在代码表", "2 lot types that are on no list"),
            Text("5 个值班电话是个人手机号", "5 duty telephones that are personal mobiles"),
            Text("2 处经纬度颠倒", "2 positions with longitude and latitude swapped"),
            Text("6 个节假日免费但无截止日，2 个截止早于起始", "6 free without an end day, 2 that end before they begin"),
            Text("1 个测试名称", "1 test entry"),
        ),
    ),
    {"sheet": "停车场"},
)  # fmt: skip
