"""Units of measure as people write them behind a number: 35km/h, 12 ℃, 3.5公里.

A cell may carry the unit that the dictionary names, in any of its spellings. Another unit of the same quantity is never
converted silently: the cell is a finding that names both.
"""

from __future__ import annotations

import re
from typing import Final

from core.text import Text

# quantity → spellings of each of its units; the first spelling is the one shown
UNITS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "length": (
        ("mm", "毫米", "公厘"),
        ("cm", "厘米", "公分"),
        ("m", "米", "公尺", "M"),
        ("km", "公里", "千米", "KM", "Km", "㎞"),
    ),
    "speed": (
        (
            "km/h",
            "公里/小时",
            "千米/小时",
            "千米/时",
            "㎞/h",
            "公里/时",
            "公里每小时",
            "千米每小时",
            "KM/H",
            "Km/h",
            "km/hr",
            "kph",
        ),
        ("m/s", "米/秒", "米每秒", "M/S"),
    ),
    "temperature": (("℃", "°C", "摄氏度", "攝氏度"), ("℉", "°F", "华氏度"), ("K", "开尔文")),
    "mass": (
        ("g", "克"),
        ("kg", "千克", "公斤", "KG", "Kg"),
        ("mg", "毫克"),
        ("t", "吨", "噸"),
        ("万吨", "萬噸"),
    ),
    "area": (
        ("m²", "平方米", "平米", "㎡", "m2", "M2"),
        ("km²", "平方公里", "平方千米", "km2", "KM2"),
        ("hm²", "公顷", "ha", "hm2"),
        ("亩", "畝"),
    ),
    "volume": (
        ("L", "升", "l"),
        ("mL", "毫升", "ml"),
        ("m³", "立方米", "m3", "M3", "方"),
        ("万m³", "万立方米"),
    ),
    "duration": (
        ("s", "秒", "sec"),
        ("ms", "毫秒"),
        ("min", "分钟", "分鐘"),
        ("h", "小时", "小時", "hr"),
        ("d", "天", "日"),
    ),
    "pressure": (("Pa", "帕"), ("hPa", "百帕", "HPA", "hpa"), ("kPa", "千帕")),
    "ratio": (("%", "percent", "百分比", "pct"), ("‰", "千分比")),
    "concentration": (
        ("μg/m³", "µg/m³", "ug/m3", "μg/m3", "µg/m3", "ug/m³", "微克/立方米"),
        ("mg/m³", "mg/m3", "毫克/立方米"),
        ("mg/L", "mg/l", "毫克/升"),
    ),
    "energy": (("kWh", "千瓦时", "kW·h", "KWH", "度电"), ("MWh", "兆瓦时")),
    "power": (("W", "瓦"), ("kW", "千瓦", "KW"), ("MW", "兆瓦")),
    "flow": (("m³/s", "立方米/秒", "m3/s"),),
    "money": (
        ("元", "人民币元", "圆", "CNY", "RMB"),
        ("万元", "萬元"),
        ("亿元", "億元"),
        ("美元", "美金", "USD", "US$"),
        ("欧元", "歐元", "EUR"),
        ("港元", "港币", "港幣", "HKD", "HK$"),
        ("日元", "日圆", "JPY"),
        ("英镑", "英鎊", "GBP"),
    ),
    "loudness": (("dB", "分贝", "db"), ("dB(A)", "dBA")),
    "angle": (("°", "度", "degree", "degrees", "deg"),),
}
# what may stand before an amount; the same sign may name two currencies, the first that fits a column is meant
CURRENCIES: Final[dict[str, tuple[str, ...]]] = {
    "元": ("￥", "¥", "RMB", "CNY", "人民币"),
    "美元": ("US$", "$", "＄", "USD"),
    "欧元": ("€", "EUR"),
    "港元": ("HK$", "HKD"),
    "日元": ("JPY", "￥", "¥"),
    "英镑": ("£", "￡", "GBP"),
}
_OF: Final = {
    spelling: (quantity, spellings)
    for quantity, units in UNITS.items()
    for spellings in units
    for spelling in spellings
}
_NUMBER_THEN: Final = re.compile(r"[-+]?[0-9.,]+\s*(\D.*)")


def _narrow(unit: str) -> str:
    return unit.strip().replace("／", "/").replace("％", "%").replace("（", "(").replace("）", ")")


def known(unit: str | None) -> tuple[str, tuple[str, ...]] | None:
    """Quantity and spellings of a unit; None for one that is not in the table."""
    word = _narrow(unit or "")
    return _OF.get(word) or _OF.get(word.casefold())


def quantity(unit: str | None) -> str | None:
    return found[0] if (found := known(unit)) else None


def spellings(unit: str | None) -> tuple[str, ...]:
    """Every way of writing the unit, the longest first; an unknown unit is written as the dictionary does."""
    if not (word := _narrow(unit or "")):
        return ()
    found = known(unit)
    return tuple(sorted({word, *(found[1] if found else ())}, key=lambda each: (-len(each), each)))


def pattern(unit: str | None) -> str:
    """A regular expression for the unit in any spelling, "" when there is none."""
    return "|".join(re.escape(word) for word in spellings(unit))


def mark(unit: str | None) -> str:
    """A regular expression for what stands before an amount in `unit`, "" where nothing does."""
    found = known(unit)
    return "|".join(re.escape(each) for each in CURRENCIES.get(found[1][0], ())) if found else ""


def amount(currency: str) -> str:
    """A regular expression for a whole cell that holds an amount in `currency`, with its sign or its name."""
    sign, name = mark(currency), pattern(currency)
    return f"[-+]? ?(?:{sign}) ?[-+]?[0-9.].*|[-+]?[0-9].* ?(?:{name})"


def clash(value: str, unit: str | None) -> Text | None:
    """Why a cell with a unit cannot be read in a column of `unit`; None when units are not the cause."""
    found = _NUMBER_THEN.fullmatch(_narrow(value.replace("，", ",")))
    written = _OF.get(found[1].strip()) if found else None
    if found is None or written is None:
        return None
    shown, wanted = written[1][0], _narrow(unit or "")
    if not wanted:
        return Text(
            f"值带单位 {shown}，而数据字典没有写单位",
            f"it carries the unit {shown}, and the dictionary names none",
        )
    if wanted in written[1]:
        return None
    same = written[0] == quantity(unit)
    return Text(
        f"值的单位是 {shown}，数据字典的单位是 {wanted}{'，不作换算' if same else ''}",
        f"its unit is {shown}, the dictionary's is {wanted}{'; nothing is converted' if same else ''}",
    )
