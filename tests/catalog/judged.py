"""Questions with the records that answer them: named one by one (`judgements.txt`), and by rules over what the records hold.

`judged` reads what was judged by reading the records. The rules below hold the index to its word and say nothing of relevance:

`question => word, word & word`: a record answers when it holds one word (or more) of each part between `&`. A word is held by
a text that has it anywhere (Chinese), or a word that begins with it (Latin, four letters or more) or equals it. What is
written the other way (traditional, another word for the same thing, the same in English) is written out in the rule.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Final, NamedTuple

from catalog.harvest.records import Record

QUESTIONS: Final = """
# one character
水 => 水
车 => 车, 車
鱼 => 鱼, 魚
税 => 税, 稅
# words of two characters and more
旅游 => 旅游, 旅遊, 观光, 觀光, 旅行, tourism, travel
统计局 => 统计局, 統計局
空气质量 => 空气质量, 空氣品質, 空氣質量, 空气品质, air quality
人口普查 => 人口普查
气象观测 => 气象观测, 氣象觀測
海关总署 => 海关总署
农业农村 => 农业农村
科学数据中心 => 科学数据中心
知识产权 => 知识产权, 知識產權
证券交易所 => 证券交易所
碳中和 => 碳中和
自然资源 => 自然资源, 自然資源
食品安全 => 食品安全
道路 => 道路
图书馆 => 图书馆, 圖書館, library
地震 => 地震
# several words
海关 进出口 => 海关, 海關 & 进出口, 進出口
气象 观测 => 气象, 氣象, 天气, 天氣, weather, meteorology, meteorological & 观测, 觀測
深圳 => 深圳
北京 统计 => 北京 & 统计, 統計, statistics, statistical
广东 统计 => 广东, 廣東 & 统计, 統計, statistics, statistical
上海，交通 => 上海 & 交通, 运输, transport, transportation, traffic
# simplified asked, traditional written, and the other way round
停车场 => 停车场, 停車場, 停车库, 停車庫, 停车楼, parking lot, car park
嘉义市 => 嘉义市, 嘉義市
监视器 => 监视器, 監視器, 摄像头, 摄影机, 攝影機, camera
統計年鑑 => 统计年鉴, 統計年鑑
環境監測 => 环境监测, 環境監測
醫療機構 => 医疗机构, 醫療機構, 医院, 醫院, hospital
臺灣 => 台湾, 臺灣, 台灣
垃圾 => 垃圾, 废弃物, 廢棄物, 废物, waste, garbage
# full width
ＧＤＰ => gdp, 国内生产总值, 地区生产总值, gross domestic product
ＡＰＩ　統計 => api & 统计, 統計, statistics, statistical
ｗｅａｔｈｅｒ => weather, 天气, 天氣, 气象, 氣象, meteorology, meteorological
# English
genome => genome, genomics, 基因组
climate change => climate & change
patent => patent
housing price => housing & price, 房价, 住房价格
census => census
unemployment rate => unemployment & rate
energy consumption => energy, 能源 & consumption
satellite imagery => satellite & imagery
hospitals => hospital, 医院, 醫院, 医疗机构, 醫療機構
Federal Reserve => federal & reserve
per diem => per & diem
travel => travel, tourism, 旅游, 旅遊, 观光, 觀光, 旅行
# mixed languages
GDP 北京 => gdp, 国内生产总值, 地区生产总值, gross domestic product & 北京
深圳 open data => 深圳 & open & data, 数据, 資料, 资料
covid 疫情 => covid & 疫情
csv 统计 => csv & 统计, 統計, statistics, statistical
# codes
grch38 => grch38
snp => snp
A_UN => a & un
AC_NO => ac & no
# pinyin
shuichan => 水产, 水產
tingchechang => 停车场, 停車場
tongji nianjian => 统计年鉴, 統計年鑑
haiguanzongshu => 海关总署
lüyou => 旅游, 旅遊
jiayishi => 嘉义市, 嘉義市
# first letters of pinyin
hgzs => 海关总署
zscq => 知识产权, 知識產權
rkpc => 人口普查
# synonyms
公共汽车 => 公共汽车, 公共汽車, 公交, 公共交通, 巴士, bus, public transport, public transit
捷运 => 捷运, 捷運, 地铁, 地鐵, 轨道交通, metro, subway
自行车 => 自行车, 自行車, 单车, 單車, 脚踏车, 腳踏車, bicycle, bike
降水 => 降水, 降雨, 雨量, rainfall, precipitation
温室气体 => 温室气体, 碳排放, carbon emission, greenhouse gas
# typing errors
统计年签 => 统计年鉴, 統計年鑑
海官总署 => 海关总署
genmoics => genomics
statisitcs yearbook => statistics, statistical, 统计, 統計 & yearbook
unemploymnet => unemployment
"""


class Judged(NamedTuple):
    """A way to ask for something, and the identifiers of the datasets that answer."""

    text: str
    answers: frozenset[str]


def judged() -> list[Judged]:
    """Every question of `judgements.txt`, in its order."""
    found: list[Judged] = []
    for block in Path(__file__).with_name("judgements.txt").read_text(encoding="utf-8").split("\n? ")[1:]:
        lines = block.splitlines()[1:]
        asked = [line[2:] for line in lines if line.startswith("> ")]
        answers = frozenset(line for line in lines if line and not line.startswith("> "))
        found += [Judged(text, answers) for text in asked]
    return found


class Question(NamedTuple):
    """`rule`: each part must be held by one of its words."""

    text: str
    rule: tuple[tuple[str, ...], ...]

    def is_answered_by(self, text: str) -> bool:
        return all(any(_holds(text, word) for word in part) for part in self.rule)


def questions() -> list[Question]:
    lines = [line.split(" => ") for line in QUESTIONS.splitlines() if line and not line.startswith("# ")]
    return [
        Question(asked, tuple(tuple(word.strip() for word in part.split(",")) for part in rule.split("&")))
        for asked, rule in lines
    ]


def text_of(record: Record) -> str:
    """All that a record says of itself."""
    said = (
        record.title_zh, record.title_en, record.description_zh, record.description_en, *record.keywords, record.spatial,
        record.publisher,
    )  # fmt: skip
    return unicodedata.normalize("NFKC", "\n".join(said)).lower().replace("_", " ")


def _holds(text: str, word: str) -> bool:
    if not word.isascii():
        return word in text
    parts = [f"{re.escape(part)}{'' if len(part) > 3 else '(?![a-z0-9])'}" for part in word.split()]
    return all(re.search(rf"(?<![a-z0-9]){part}", text) for part in parts)
