"""DP-BC-002 venues and homestays: a workbook with contacts, hence open only under conditions."""

from __future__ import annotations

from functools import cache
from typing import Final

import pandas as pd

from api.sample import checks, files
from api.sample.credit import ALPHABET, WEIGHTS, credit_code
from api.sample.model import SampleDataset, SampleFile, column, failing, passing, record
from api.sample.places import LAT, LON, ROADS, landline, near, person, place_list, repeated, rng, spoil
from core.text import Text

ID: Final = "DP-BC-002"
COUNT: Final = 420
TYPES: Final = ("A级景区", "海滩浴场", "营地", "民宿", "酒店", "文博馆")
SHARES: Final = (0.03, 0.04, 0.05, 0.62, 0.20, 0.06)
SIGHTS: Final = ("A级景区", "海滩浴场")
LODGINGS: Final = ("民宿", "酒店", "营地")
GRADES: Final = ("5A", "4A", "3A", "2A", "甲级", "乙级", "丙级", "未评级")
GRADES_OF: Final = {"A级景区": ("5A", "4A", "3A", "2A"), "民宿": ("甲级", "乙级", "丙级", "未评级")}
WORDS: Final = "听海望山云溪渔歌星辰暖屿归帆蓝岸石巷竹影"

COLUMNS: Final = [
    column("venue_id", Text("场所编码", "Venue code"), "string", Text("DP-V 加四位数字", "DP-V and four digits"), primary=True),
    column("venue_name", Text("场所名称", "Venue"), "string", Text("对外使用的名称", "Name in public use")),
    column("venue_type", Text("场所类型", "Venue type"), "string", Text("旅游场所分类", "Kind of venue"), code_list="venue_type"),
    column("credit_code", Text("统一社会信用代码", "Unified social credit code"), "string", Text("18 位，末位为校验码", "18 characters, the last checks the others"), level=2),
    column("grade", Text("等级", "Grade"), "string", Text("评定等级", "Grade awarded"), code_list="venue_grade"),
    column("address", Text("地址", "Address"), "string", Text("街道、道路与门牌", "Subdistrict, road and number")),
    column("lon", Text("经度", "Longitude"), "number", Text("主入口经度", "Longitude of the main entrance"), unit="°"),
    column("lat", Text("纬度", "Latitude"), "number", Text("主入口纬度", "Latitude of the main entrance"), unit="°"),
    column("rooms", Text("客房数", "Rooms"), "integer", Text("仅住宿类填写", "Lodgings only"), unit="间", nullable=True),
    column("license_no", Text("许可证号", "Licence number"), "string", Text("经营许可证编号", "Number of the trading licence"), level=2),
    column("legal_rep", Text("法定代表人", "Legal representative"), "string", Text("姓名", "Name"), level=2, identifier="DI"),
    column("contact_phone", Text("联系电话", "Telephone"), "string", Text("固定电话或手机", "Landline or mobile"), level=2, identifier="DI"),
    column("open_hours", Text("开放时间", "Opening hours"), "string", Text("起止时刻", "From and to")),
    column("max_capacity", Text("最大承载量", "Capacity"), "integer", Text("仅景区与浴场填写", "Sights and beaches only"), unit="人", nullable=True),
]  # fmt: skip

CHECK_DIGIT_SQL: Final = (
    f"length(credit_code) = 18 AND substr(credit_code, 18, 1) <> substr('{ALPHABET}', CAST((31 - ("
    + " + ".join(
        f"(strpos('{ALPHABET}', substr(credit_code, {place}, 1)) - 1) * {weight}"
        for place, weight in enumerate(WEIGHTS, start=1)
    )
    + ") % 31) % 31 + 1 AS INTEGER), 1)"
)
SUITE: Final = checks.suite(
    ID,
    checks.exactly_columns("BC2-columns", COLUMNS),
    checks.unique("BC2-unique", ["venue_id"], Text("场所编码不得重复", "A venue code occurs once")),
    checks.shaped("BC2-id", "venue_id", r"^DP-V[0-9]{4}$", Text("编码须为 DP-V 加四位数字", "A venue code is DP-V and four digits")),
    checks.unique("BC2-twice", ["credit_code", "address"], Text("同一主体同一地址不得重复登记", "One entry per enterprise and address"), code="0303"),
    checks.present("BC2-name", "venue_name", Text("名称必填", "A venue has a name")),
    checks.check("BC2-dirty", "0305", "expect_column_values_to_not_be_in_set", Text("名称不得为测试数据", "No test entries among the names"),
                 column="venue_name", value_set=["测试", "test", "NULL"]),
    checks.known("BC2-type", "venue_type", TYPES, Text("类型须在代码表内", "The type is on the code list")),
    checks.known("BC2-grade", "grade", GRADES, Text("等级须在代码表内", "The grade is on the code list")),
    checks.shaped("BC2-credit", "credit_code", r"^[0-9A-HJ-NPQRTUWXY]{18}$", Text("信用代码须为 18 位规定字符", "A credit code has 18 characters of the alphabet")),
    checks.none_where("BC2-check-digit", "0302", CHECK_DIGIT_SQL, Text("信用代码校验位须正确", "The credit code's check digit is right")),
    checks.within("BC2-lon", "lon", *LON, Text("经度须在新区范围内", "The longitude lies in the district")),
    checks.within("BC2-lat", "lat", *LAT, Text("纬度须在新区范围内", "The latitude lies in the district")),
    checks.shaped("BC2-phone", "contact_phone", r"^(0[0-9]{2,3}-[0-9]{7,8}|1[3-9][0-9]{9})$", Text("电话格式正确", "The telephone number has its form")),
    checks.free_of("BC2-citizen-id", "legal_rep", checks.CITIZEN_ID, Text("法定代表人栏不得填写身份证号", "No citizen number in the name")),
    checks.none_where("BC2-capacity", "0104", "max_capacity IS NOT NULL AND venue_type NOT IN ('A级景区', '海滩浴场')",
                      Text("非景区、浴场不填最大承载量", "Only sights and beaches have a capacity"), severity="warning"),
    checks.none_where("BC2-rooms", "0104", "venue_type IN ('民宿', '酒店', '营地') AND coalesce(rooms, 0) < 1",
                      Text("住宿类须填写客房数", "Lodgings say how many rooms they have"), severity="warning"),
)  # fmt: skip


@cache
def venues() -> pd.DataFrame:
    draw = rng(5)
    rows = []
    kinds = draw.choice(TYPES, size=COUNT, p=SHARES)
    for i, (place, drawn) in enumerate(zip(place_list(draw, COUNT), kinds, strict=True), start=1):
        kind = str(drawn)
        grades = GRADES_OF.get(kind, ("未评级",))
        lon, lat = near(place, draw)
        word = "".join(WORDS[k] for k in draw.integers(0, len(WORDS), 2))
        rows.append(
            {
                "venue_id": f"DP-V{i:04d}",
                "venue_name": f"{place.name}{word}{'示例' + kind if kind != 'A级景区' else '示例旅游区'}",
                "venue_type": kind,
                "credit_code": credit_code("92" if kind == "民宿" else "91", i),
                "grade": grades[draw.integers(len(grades))],
                "address": f"大鹏新区{place.subdistrict}办事处{ROADS[draw.integers(len(ROADS))]}{i}号",
                "lon": lon,
                "lat": lat,
                "rooms": int(4 + draw.gamma(2.0, 5.0)) if kind in LODGINGS else None,
                "license_no": f"示例许字〔2025〕{i:05d}",
                "legal_rep": person(draw),
                "contact_phone": landline(1000 + i),
                "open_hours": "00:00-24:00" if kind in LODGINGS else "09:00-17:30",
                "max_capacity": int(draw.integers(8, 90)) * 100 if kind in SIGHTS else None,
            }
        )
    return pd.DataFrame(rows)


def _workbook(frame: pd.DataFrame) -> bytes:
    notes = ("一、住宿类填写客房数，景区与浴场填写最大承载量。", "二、信用代码以营业执照为准。")
    return files.as_xlsx(
        files.titled(frame, COLUMNS),
        sheet="名录",
        title="大鹏新区旅游场所与民宿名录（2026年第三季度）",
        notes=notes,
    )


def _defective() -> bytes:
    frame = venues().copy()
    homestays = [i for i, kind in enumerate(frame["venue_type"]) if kind == "民宿"]
    wrong = [
        code[:17] + ("0" if code[17] != "0" else "1") for code in frame["credit_code"].iloc[homestays[:5]]
    ]
    spoil(frame, homestays[:5], credit_code=wrong)
    spoil(frame, homestays[5:9], grade="五钻")
    spoil(frame, homestays[9:12], lon=[22.58, 22.59, 22.60], lat=[114.49, 114.50, 114.51])
    spoil(frame, homestays[12:14], venue_name="测试")
    spoil(frame, homestays[14:18], max_capacity=200)
    spoil(frame, homestays[18:20], legal_rep=["440300200101010010", "440300200101010029"])
    spoil(frame, homestays[20:23], contact_phone=["8400", "无", "见前台"])
    spoil(frame, homestays[23:26], rooms=None)
    spoil(frame, homestays[26:28], credit_code=["91440300DEM", "待补"])
    return _workbook(repeated(frame, homestays[30:33]))


DATASET: Final = SampleDataset(
    ID,
    record(
        ID,
        Text("旅游场所与民宿名录", "Venues and homestays"),
        Text(
            "A级景区、海滩浴场、营地、民宿、酒店与文博馆的登记信息，含联系人，须有条件开放。",
            "Register of sights, beaches, camps, homestays, hotels and museums; holds contacts, hence open under conditions.",
        ),
        publisher="org-tourism",
        keywords=[Text("民宿", "homestay"), Text("景区", "sight"), Text("住宿", "lodging")],
        period=("2026-07-01", "2026-09-30"),
        freq="5",
        interval=None,
        level=2,
        open_type="C",
        auth_op="yes",
        data_class="corporate",
        source_system=Text("旅游场所登记台账", "Register of tourism venues"),
        lineage=Text("经营主体申报，文旅与市场监管部门核对", "Declared by the operators, compared by the culture and market offices"),
        formats=["xlsx", "parquet"],
        crs="CGCS2000",
    ),
    COLUMNS,
    SUITE,
    SampleFile("旅游场所与民宿名录_2026Q3.xlsx", lambda: _workbook(venues()), passing()),
    SampleFile(
        "旅游场所与民宿名录_2026Q3_初报.xlsx",
        _defective,
        failing(
            BC2_unique=6,
            BC2_twice=6,
            BC2_dirty=2,
            BC2_grade=4,
            BC2_credit=2,
            BC2_check_digit=5,
            BC2_lon=3,
            BC2_lat=3,
            BC2_phone=3,
            BC2_citizen_id=2,
            BC2_capacity=4,
            BC2_rooms=3,
        ),
        (
            Text("3 家重复登记", "3 venues entered twice"),
            Text("5 个信用代码校验位错误，2 个不足 18 位", "5 credit codes with a wrong check digit, 2 too short"),
            Text("4 个未知等级，2 个测试名称", "4 unknown grades, 2 test entries"),
            Text("3 处经纬度颠倒", "3 positions with longitude and latitude swapped"),
            Text("2 处在姓名栏填写身份证号", "2 citizen numbers in place of a name"),
            Text("3 个电话格式错误", "3 malformed telephone numbers"),
            Text("4 家民宿填了承载量，3 家缺客房数", "4 homestays with a capacity, 3 without rooms"),
        ),
    ),
    {"sheet": "名录"},
)  # fmt: skip
