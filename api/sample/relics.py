"""DP-HR-001 immovable heritage register: GeoJSON, tombs and sites only to the nearest kilometre."""

from __future__ import annotations

from functools import cache
from typing import Final

import pandas as pd

from api.sample import checks, files
from api.sample.model import SampleDataset, SampleFile, column, failing, passing, record
from api.sample.places import LAT, LON, near, place_list, rng, spoil
from core.text import Text

ID: Final = "DP-HR-001"
COUNT: Final = 180
LEVELS: Final = ("全国重点", "省级", "市级", "区级", "尚未定级")
CATEGORIES: Final = ("古遗址", "古墓葬", "古建筑", "石窟寺及石刻", "近现代重要史迹及代表性建筑", "其他")
HIDDEN: Final = ("古遗址", "古墓葬")
NAMES: Final = {
    "古遗址": ("沙丘遗址", "烽火台遗址", "窑址"),
    "古墓葬": ("古墓", "墓群"),
    "古建筑": ("宗祠", "围屋", "古井", "天后庙", "书室"),
    "石窟寺及石刻": ("摩崖石刻",),
    "近现代重要史迹及代表性建筑": ("碉楼", "侨居", "旧码头", "学校旧址"),
    "其他": ("古道", "界碑"),
}
ERAS: Final = ("新石器时代", "宋", "明", "清", "清末民初", "民国", "1950年代")
STATES: Final = ("好", "较好", "一般", "较差", "差")

COLUMNS: Final = [
    column("relic_id", Text("文物编码", "Relic code"), "string", Text("DP-H 加三位数字", "DP-H and three digits"), primary=True),
    column("name", Text("名称", "Name"), "string", Text("登记名称", "Name in the register")),
    column("protection_level", Text("保护级别", "Protection"), "string", Text("公布的保护级别", "Level announced"), code_list="protection_level"),
    column("category", Text("类别", "Category"), "string", Text("不可移动文物类别", "Kind of immovable relic"), code_list="relic_category"),
    column("era", Text("年代", "Era"), "string", Text("始建或主体年代", "When it was built")),
    column("ownership", Text("权属", "Ownership"), "string", Text("国有、集体或私人", "State, collective or private")),
    column("current_use", Text("当前用途", "Use"), "string", Text("当前使用情况", "What it is used for")),
    column("condition", Text("保存状况", "Condition"), "string", Text("五级评定", "Five grades"), code_list="relic_condition"),
    column("address", Text("地址", "Address"), "string", Text("到社区一级", "Down to the community")),
    column("lon", Text("经度", "Longitude"), "number", Text("古遗址、古墓葬取两位小数", "Two decimals for sites and tombs"), unit="°", identifier="SI"),
    column("lat", Text("纬度", "Latitude"), "number", Text("古遗址、古墓葬取两位小数", "Two decimals for sites and tombs"), unit="°", identifier="SI"),
    column("protect_zone", Text("保护范围", "Protected zone"), "string", Text("区级以上须划定", "Drawn for district level and above"), nullable=True),
    column("control_zone", Text("建设控制地带", "Control zone"), "string", Text("区级以上须划定", "Drawn for district level and above"), nullable=True),
    column("announce_date", Text("公布日期", "Announced on"), "date", Text("列入名录之日", "Day of entry")),
    column("batch", Text("公布批次", "Announced in"), "integer", Text("名录批次", "Number of the list")),
    column("geometry", Text("位置", "Position"), "geometry", Text("点，与经纬度一致", "A point, equal to longitude and latitude")),
]  # fmt: skip

EXACT_SQL: Final = "category IN ('古遗址', '古墓葬') AND (lon <> round(lon, 2) OR lat <> round(lat, 2))"
ZONE_SQL: Final = "protection_level <> '尚未定级' AND (protect_zone IS NULL OR control_zone IS NULL)"
SUITE: Final = checks.suite(
    ID,
    checks.exactly_columns("HR1-columns", COLUMNS),
    checks.unique("HR1-unique", ["relic_id"], Text("文物编码不得重复", "A relic code occurs once")),
    checks.unique("HR1-twice", ["name", "address"], Text("同名同址不得重复登记", "One entry per name and address"), code="0303"),
    checks.known("HR1-level", "protection_level", LEVELS, Text("保护级别须在代码表内", "The level is on the code list")),
    checks.known("HR1-category", "category", CATEGORIES, Text("类别须在代码表内", "The category is on the code list")),
    checks.known("HR1-condition", "condition", STATES, Text("保存状况须在代码表内", "The condition is on the code list"), severity="warning"),
    checks.present("HR1-name", "name", Text("名称必填", "A relic has a name")),
    checks.within("HR1-lon", "lon", *LON, Text("经度须在新区范围内", "The longitude lies in the district")),
    checks.within("HR1-lat", "lat", *LAT, Text("纬度须在新区范围内", "The latitude lies in the district")),
    checks.none_where("HR1-exact", "0106", EXACT_SQL, Text("古遗址、古墓葬坐标须概化到约 1 公里", "Sites and tombs are given to about one kilometre")),
    checks.none_where("HR1-zones", "0201", ZONE_SQL, Text("已定级文物须划定保护范围与建设控制地带", "Listed relics have both zones")),
    checks.within("HR1-announced", "announce_date", "1950-01-01", "2026-12-31", Text("公布日期须在 1950 至 2026 年", "Announced between 1950 and 2026"), code="0501"),
)  # fmt: skip


@cache
def relics() -> pd.DataFrame:
    draw = rng(10)
    levels = draw.choice(LEVELS, size=COUNT, p=[0.01, 0.03, 0.08, 0.28, 0.60])
    kinds = draw.choice(CATEGORIES, size=COUNT, p=[0.08, 0.10, 0.50, 0.02, 0.26, 0.04])
    rows = []
    for i, (place, level, drawn) in enumerate(
        zip(place_list(draw, COUNT), levels, kinds, strict=True), start=1
    ):
        kind, listed = str(drawn), level != "尚未定级"
        lon, lat = near(place, draw)
        if kind in HIDDEN:
            lon, lat = round(lon, 2), round(lat, 2)
        noun = NAMES[kind][draw.integers(len(NAMES[kind]))]
        rows.append(
            {
                "relic_id": f"DP-H{i:03d}",
                "name": f"{place.name}示例{noun}",
                "protection_level": str(level),
                "category": kind,
                "era": ERAS[0] if "沙丘" in noun else ERAS[1 + draw.integers(len(ERAS) - 1)],
                "ownership": ("国有", "集体", "私人")[draw.integers(3)],
                "current_use": ("闲置", "居住", "祭祀", "展示", "办公")[draw.integers(5)],
                "condition": STATES[min(4, int(draw.gamma(2.0, 0.9)))],
                "address": f"大鹏新区{place.subdistrict}办事处{place.name}社区示例{i}号",
                "lon": lon,
                "lat": lat,
                "protect_zone": "本体外延10米" if listed else None,
                "control_zone": "保护范围外延30米" if listed else None,
                "announce_date": pd.Timestamp("1984-09-06") + pd.Timedelta(days=int(draw.integers(0, 14000))),
                "batch": int(draw.integers(1, 8)),
            }
        )
    return pd.DataFrame(rows)


def _geojson(frame: pd.DataFrame) -> bytes:
    return files.as_geojson(frame, lon="lon", lat="lat")


def _defective() -> bytes:
    frame = relics().copy()
    tombs = [i for i, kind in enumerate(frame["category"]) if kind in HIDDEN]
    listed = [
        i for i, level in enumerate(frame["protection_level"]) if level != "尚未定级" and i not in tombs
    ]
    plain = [i for i in range(COUNT) if i not in tombs and i not in listed]
    spoil(frame, tombs[:4], lon=[114.487123, 114.512345, 114.541987, 114.573456])
    spoil(frame, listed[:3], control_zone=None)
    spoil(frame, plain[:3], category="古民居")
    spoil(frame, plain[3:5], lon=[113.88123, 113.91456])
    spoil(frame, plain[5:7], condition="待查")
    spoil(frame, plain[7:8], protection_level="县级")
    spoil(frame, plain[8:10], announce_date=pd.Timestamp("2062-07-09"))
    twins = frame.iloc[plain[10:12]].assign(relic_id=["DP-H901", "DP-H902"])
    return _geojson(pd.concat([frame, twins], ignore_index=True))


DATASET: Final = SampleDataset(
    ID,
    record(
        ID,
        Text("不可移动文物名录", "Immovable heritage register"),
        Text(
            "新区不可移动文物的级别、类别、年代、保存状况与位置；古遗址、古墓葬的坐标概化到约 1 公里。",
            "Level, category, era, condition and place of the district's immovable relics; sites and tombs are given to about one kilometre.",
        ),
        publisher="org-tourism",
        keywords=[Text("文物", "heritage"), Text("古建筑", "old buildings"), Text("保护", "protection")],
        period=("1984-09-06", "2026-12-31"),
        freq="8",
        interval=None,
        auth_op="negotiable",
        source_system=Text("文物普查数据库", "Heritage census database"),
        lineage=Text("普查登记，公开前概化敏感坐标", "From the census; sensitive positions coarsened before publication"),
        formats=["geojson", "parquet"],
        crs="CGCS2000",
    ),
    COLUMNS,
    SUITE,
    SampleFile("heritage_2026.geojson", lambda: _geojson(relics()), passing()),
    SampleFile(
        "heritage_2026_draft.geojson",
        _defective,
        failing(
            HR1_twice=4,
            HR1_level=1,
            HR1_category=3,
            HR1_condition=2,
            HR1_lon=2,
            HR1_exact=4,
            HR1_zones=4,
            HR1_announced=2,
        ),
        (
            Text("4 处古遗址、古墓葬给出精确坐标", "4 sites or tombs at their exact position"),
            Text("3 处已定级文物未划建设控制地带", "3 listed relics without a control zone"),
            Text("3 个未知类别，1 个未知级别，2 个未知保存状况", "3 unknown categories, 1 unknown level, 2 unknown conditions"),
            Text("2 处在新区之外，2 处重复登记", "2 outside the district, 2 entered twice"),
            Text("2 处公布日期在未来", "2 announced in the future"),
        ),
    ),
)  # fmt: skip
