"""Files that other people published, read without being told anything about them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from core.errors import InputRefused
from datasets.intake.dictionary import Column, Dictionary
from datasets.intake.facts import Intake
from datasets.intake.reader import read_table

pytestmark = pytest.mark.shared
Read = Callable[..., Intake]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tables that were read without a dictionary lie, by their number in `read`."""
    return tmp_path_factory.mktemp("tables")


@pytest.fixture(scope="module")
def read(shared: Path, tables: Path) -> Read:
    """Read a file; once for the whole module where nothing is told about it."""
    kept: dict[str, Intake] = {}

    def reading(name: str, **known: object) -> Intake:
        dictionary = Dictionary.model_validate(known)
        if known:
            return read_table(shared / "data" / name, tables / "told.parquet", dictionary=dictionary)
        if name not in kept:
            kept[name] = read_table(shared / "data" / name, table_of(tables, name), dictionary=dictionary)
        return kept[name]

    return reading


def table_of(tables: Path, name: str) -> Path:
    return tables / f"{name.replace('/', '-')}.parquet"


def nulls(found: Intake) -> dict[str, int]:
    return {column.name: column.nulls for column in found.columns}


def types(found: Intake) -> dict[str, str]:
    return {column.name: column.type for column in found.columns}


# name, rows, columns, format, encoding, delimiter, header line
SHAPES = [
    ("scenic/云南省A级景区名录_带坐标.xlsx", 669, 7, "xlsx", None, None, 1),
    ("scenic/coastal_scenic_spots_big5.csv", 382, 18, "csv", "big5", ",", 1),
    ("scenic/taipei-attractions.json", 58, 21, "json", "utf-8", None, None),
    ("visitors/旅游数据.csv", 128, 4, "csv", "utf-8-sig", ",", 1),
    ("visitors/hotel_occupancy_latin1_semicolon.csv", 638, 8, "csv", "latin-1", ";", 1),
    ("visitors/holiday-cn_2025.json", 33, 3, "json", "utf-8", None, None),
    ("weather/上海.csv", 8760, 13, "csv", "gbk", ",", 10),
    ("weather/天津.csv.gz", 8760, 13, "csv", "gbk", ",", 10),
    ("weather/CLMTEMP_HKO_.csv", 47301, 5, "csv", "utf-8-sig", ",", 3),
    ("weather/shenzhen_weather_central.csv", 4344, 7, "csv", "utf-8", ",", 1),
    ("weather/SZweather20220619-20220718.xls", 720, 13, "xls", None, None, 1),
    ("weather/nyc2013_weather.csv.gz", 26115, 15, "csv", "utf-8", ",", 1),
    ("air_quality/cn_cities_daily_aqi_2013-2017.csv.gz", 351014, 12, "csv", "utf-8", ",", 1),
    ("air_quality/daily/深圳.csv", 1157, 12, "csv", "utf-8-sig", ",", 0),
    ("air_quality/all_city_monthly.csv", 12385, 12, "csv", "utf-8-sig", ",", 0),
    ("air_quality/hourly/深圳.csv", 1287, 13, "csv", "utf-8", ",", 1),
    ("transport/nyc2013_flights.csv.zip", 336776, 19, "csv", "utf-8", ",", 1),
    ("transport/nyc2013_airports.csv", 1458, 8, "csv", "utf-8", ",", 1),
    ("transport/flights-3m.parquet", 3_000_000, 5, "parquet", None, None, None),
    ("transport/shenzhen_busline.csv.gz", 2113, 3, "csv", "utf-8", ",", 1),
    ("transport/shenzhen_metro_stations.json", 306, 6, "json", "utf-8", None, None),
    ("transport/shenzhen_districts.geojson", 10, 4, "geojson", "utf-8", None, None),
    ("transport/taipei_bus_stops.geojson.gz", 5442, 3, "geojson", "utf-8", None, None),
    ("parking/taipei_offstreet_parking.geojson", 1177, 31, "geojson", "utf-8", None, None),
    ("safety/taipei_rain_gauges.geojson", 35, 16, "geojson", "utf-8", None, None),
    ("facilities/adur-public-toilets.csv", 15, 32, "csv", "utf-8", ",", 1),
    ("stats_gbk/分省年度数据_地区生产总值.csv", 31, 20, "csv", "gbk", ",", 4),
    ("stats_gbk/分省年度数据_抽样人口.csv", 31, 21, "csv", "gbk", ",", 4),
    ("stats_gbk/分省年度数据_城镇就业.csv", 31, 21, "csv", "gbk", ",", 4),
    ("stats_gbk/分省年度数据_私营就业.csv", 31, 21, "csv", "gbk", ",", 4),
    ("stats_gbk/分省年度数据_2023列全空.csv", 31, 6, "csv", "gbk", ",", 1),
    ("stats_gbk/分省月度数据_衣着CPI_2020.csv", 31, 4, "csv", "gbk", ",", 4),
    ("stats_gbk/各省份数据-交通和通信.csv", 31, 50, "csv", "gbk", ",", 1),
    ("stats_gbk/分省年度数据.xls", 31, 6, "xls", None, None, 4),
    ("stats_gbk/主要城市年度数据.xls", 36, 6, "xls", None, None, 4),
    ("stats_gbk/共享单车数据集.csv", 731, 14, "csv", "gbk", ",", 1),
    ("stats_gbk/电影票房.csv", 10605, 6, "csv", "gbk", ",", 1),
    ("metadata/firstdata_768_sources_zh_en.json.gz", 768, 25, "json", "utf-8", None, None),
    ("metadata/ckan/okfn_portals_ckan_search_390.json", 390, 25, "json", "utf-8", None, None),
    ("metadata/zh_hant_portals/taoyuan_catalog_full.csv.gz", 1444, 26, "csv", "utf-8", ",", 1),
    ("messy/frictionless/issue-320.xlsx", 46, 54, "xlsx", None, None, 12),
    ("messy/messytables/utf-16le_encoded.csv", 327, 19, "csv", "utf-16", ",", 1),
    ("messy/messytables/mixedGLB.csv", 133, 19, "csv", "utf-8", ",", 4),
    ("messy/messytables/excel_pasting.csv", 14, 9, "csv", "utf-8", ",", 4),
    ("messy/messytables/simple.zip", 6, 3, "csv", "utf-8", ",", 1),
    ("messy/messytables/blank_line.ods", 3, 3, "ods", None, None, 1),
    ("messy/messytables/spanish_chars.csv", 114, 8, "csv", "latin-1", ",", 1),
    ("messy/frictionless/issue-811_istat_semicolon_cp1252.csv.gz", 7904, 26, "csv", "cp1252", ";", 1),
    ("messy/frictionless/skip-rows.xlsx", 2, 2, "xlsx", None, None, 2),
    ("messy/qsv/snifftest.csv", 3, 4, "csv", "utf-8", ",", 4),
    ("messy/qsv/boston311-100-bad.tsv", 100, 30, "tsv", "utf-8", "\t", 1),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "rows", "columns", "form", "encoding", "delimiter", "header"), SHAPES)
def test_a_published_file_is_read_whole_with_its_own_encoding_and_header(
    read: Read,
    name: str,
    rows: int,
    columns: int,
    form: str,
    encoding: str | None,
    delimiter: str | None,
    header: int | None,
) -> None:
    found = read(name)
    how = found.input
    assert (found.rows, len(found.columns)) == (rows, columns)
    assert (how.format, how.encoding, how.delimiter, how.header_line) == (form, encoding, delimiter, header)
    assert found.untyped_cells == 0


def test_missing_values_are_counted_as_the_publisher_has_them(read: Read) -> None:
    assert {k: v for k, v in nulls(read("scenic/云南省A级景区名录_带坐标.xlsx")).items() if v} == {
        "经度": 61,
        "纬度": 61,
    }
    big5 = nulls(read("scenic/coastal_scenic_spots_big5.csv"))
    assert (big5["主要停車場X坐標"], big5["停車資訊"], big5["警告及注意事項"], big5["常用搜尋關鍵字"]) == (
        382,
        287,
        291,
        323,
    )
    parking = nulls(read("parking/taipei_offstreet_parking.geojson"))
    assert (parking["OPENTIME"], parking["PARKNUM"], parking["CHARGE"], parking["TEL"]) == (
        233,
        143,
        1056,
        112,
    )
    film = nulls(read("stats_gbk/电影票房.csv"))
    assert (film["上映时间"], film["电影名称"], film["总票房(元)"]) == (3954, 2, 2)


def test_na_in_number_columns_counts_as_empty_in_the_whole_file_and_says_so(read: Read) -> None:
    flights = read("transport/nyc2013_flights.csv.zip")
    assert (nulls(flights)["dep_time"], nulls(flights)["arr_delay"], nulls(flights)["tailnum"]) == (
        8255,
        9430,
        2512,
    )
    assert types(flights)["dep_time"] == "integer"
    assert {f.column for f in flights.findings if f.code == "null-mark"} >= {
        "dep_time",
        "arr_delay",
        "tailnum",
    }
    weather = nulls(read("weather/nyc2013_weather.csv.gz"))
    assert (weather["wind_gust"], weather["pressure"], weather["wind_dir"]) == (20778, 2729, 460)


def test_types_are_found_without_a_dictionary(read: Read) -> None:
    shanghai = types(read("weather/上海.csv"))
    assert (shanghai["日期"], shanghai["时间"], shanghai["气温℃"]) == ("date", "time", "number")
    assert types(read("weather/shenzhen_weather_central.csv"))["time"] == "datetime"
    assert types(read("stats_gbk/共享单车数据集.csv"))["日期"] == "date"
    assert types(read("air_quality/hourly/深圳.csv"))["Hour"] == "string"
    assert types(read("messy/frictionless/leading-zeros.csv"))["value"] == "string"
    assert types(read("messy/qsv/excel-1904-epoch.xlsx"))["date"] == "date"
    assert types(read("messy/frictionless/table-with-booleans.xls"))["boolean"] == "boolean"


def test_text_is_right_where_a_careless_decoder_is_fooled(read: Read) -> None:
    assert read("scenic/coastal_scenic_spots_big5.csv").preview.first[0][2] == "雲嘉南濱海國家風景區管理處"
    assert "Année" in types(read("visitors/hotel_occupancy_latin1_semicolon.csv"))
    assert read("weather/CLMTEMP_HKO_.csv").columns[0].name == "年/Year"
    assert read("air_quality/daily/深圳.csv").preview.first[0][0] == "深圳"


def test_titles_and_footers_stay_out_of_the_table_and_are_reported(read: Read) -> None:
    found = read("stats_gbk/分省年度数据_地区生产总值.csv")
    assert [(f.code, f.line) for f in found.findings] == [
        ("title-line", 1),
        ("title-line", 2),
        ("title-line", 3),
        ("footer-line", 36),
        ("footer-line", 37),
    ]
    assert found.preview.last[-1][0] == "新疆维吾尔自治区"


def test_roc_dates_become_dates_and_the_odd_ones_are_each_reported(read: Read) -> None:
    columns = [{"name": "EDITTIME", "type": "date", "title_zh": "編輯日期"}]
    found = read("parking/taipei_offstreet_parking.geojson", columns=columns)
    assert found.preview.first[0][[c.name for c in found.columns].index("EDITTIME")] == "2012-02-13"
    untyped = [f for f in found.findings if f.code == "untyped-cell"]
    assert len(untyped) == found.untyped_cells
    assert all(f.row and f.value and f.wanted == "date" for f in untyped)


def test_the_exact_dictionary_of_a_headerless_file_names_its_columns(read: Read) -> None:
    names = ["city", "day", "aqi", "range", "grade", "pm25", "pm10", "so2", "co", "no2", "o3", "rank"]
    columns = [Column(name=name, type="date" if name == "day" else None).model_dump() for name in names]
    found = read("air_quality/daily/深圳.csv", header_line=0, columns=columns)
    assert [column.name for column in found.columns] == names
    assert types(found)["day"] == "date"


def test_one_member_of_an_archive_can_be_named_even_in_chinese(read: Read) -> None:
    with pytest.raises(InputRefused, match="366 files"):
        read("air_quality/aqistudy_366_cities_daily.zip")
    found = read("air_quality/aqistudy_366_cities_daily.zip", member="深圳.csv")
    assert (found.rows, found.input.member) == (1157, "深圳.csv")


def test_every_row_carries_its_number_and_order_is_kept(read: Read, tables: Path) -> None:
    name = "air_quality/cn_cities_daily_aqi_2013-2017.csv.gz"
    read(name)
    rows = duckdb.sql(
        f"SELECT count(*), count(DISTINCT __row__), min(__row__), max(__row__) FROM '{table_of(tables, name)}'"
    ).fetchall()[0]
    assert rows == (351014, 351014, 1, 351014)


REFUSED = [
    ("messy/frictionless/empty.csv", "empty"),
    ("messy/frictionless/without-rows.csv", "only a header"),
    ("messy/messytables/encrypted_no_password.xls", "password"),
    ("messy/messytables/libreoffice.xlsx", "hold nothing"),
    ("messy/frictionless/table-multiple-files.zip", "2 files"),
    ("metadata/dcat/catalog.rdf", "web page or XML"),
]


@pytest.mark.parametrize(("name", "why"), REFUSED)
def test_a_file_that_is_no_table_is_refused_in_one_sentence(read: Read, name: str, why: str) -> None:
    with pytest.raises(InputRefused, match=why) as refused:
        read(name)
    assert refused.value.detail.zh.endswith("。")


def test_ragged_rows_lose_nothing(read: Read) -> None:
    found = read("messy/frictionless/defective-rows.csv")
    assert found.preview.first == [["1101", "John", None, None], ["1102", "Julie", "26", "Potatoes"]]
    assert [f.code for f in found.findings if f.line] == ["column-renamed", "too-few-cells", "too-many-cells"]
