"""Code lists of the sample's columns, and which datasets serve which scenario of the authorisation policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from auth.policy.limits import limits
from core.text import Text


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario of the authorisation policy with the sample datasets that serve it."""

    id: str
    name: Text
    datasets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Purpose:
    """purpose_class: `public` is free of charge; for `industry` a fee may be asked."""

    id: str
    name: Text
    purpose_class: str


SERVED_BY: Final = {
    "tourism-traffic": ("DP-TR-001", "DP-TR-002", "DP-PK-002", "DP-SF-001"),
    "weather": ("DP-WX-001", "DP-WX-002", "DP-WX-003"),
    "benefits": ("DP-BC-001", "DP-BC-002", "DP-BC-003"),
    "safety": ("DP-SF-001", "DP-SF-002", "DP-WX-001", "DP-WX-002"),
    "heritage": ("DP-HR-001", "DP-HR-002"),
    "parking": ("DP-PK-001", "DP-PK-002", "DP-PK-003"),
}

SCENARIOS: Final = tuple(
    Scenario(coded.code, coded.name, SERVED_BY.get(coded.code, ())) for coded in limits().scenarios.values()
)
PURPOSES: Final = tuple(Purpose(coded.code, coded.name, coded.kind) for coded in limits().purposes.values())


def _codes(
    name: str, title: Text, *items: tuple[str, str] | tuple[str, str, str]
) -> tuple[str, dict[str, Any]]:
    """A list whose value is its Chinese label, unless a third entry gives the label of a coded value."""
    return name, {
        "name": name,
        "title": {"zh": title.zh, "en": title.en},
        "source": "示例数据约定 / Convention of the sample data",
        "effective": "2026-01-01",
        "items": [
            {"value": item[0], "zh": item[-1] if len(item) == 3 else item[0], "en": item[1]} for item in items
        ],
    }


CODE_LISTS: Final[dict[str, dict[str, Any]]] = dict(
    (
        _codes("subdistrict", Text("办事处", "Subdistrict"), ("葵涌", "Kuichong"), ("大鹏", "Dapeng"), ("南澳", "Nan'ao")),
        _codes("direction", Text("方向", "Direction"), ("进区", "Inbound"), ("出区", "Outbound")),
        _codes("road_status", Text("路段状态", "Road status"), ("畅通", "Free"), ("缓行", "Slow"), ("拥堵", "Congested"), ("严重拥堵", "Jammed")),
        _codes("lot_type", Text("停车场类型", "Lot type"), ("路内", "On street"), ("路外公共", "Public off street"),
               ("景区配建", "Of a scenic area"), ("机关事业单位", "Of an institution"), ("临时", "Temporary")),
        _codes("lot_status", Text("停车场状态", "Lot status"), ("open", "Open", "开放"), ("full", "Full", "已满"), ("closed", "Closed", "关闭"), ("fault", "Fault", "故障")),
        _codes("hour_band", Text("时段", "Hours"), ("00-06", "0–6 h", "0—6 时"), ("06-09", "6–9 h", "6—9 时"), ("09-12", "9–12 h", "9—12 时"),
               ("12-15", "12–15 h", "12—15 时"), ("15-18", "15–18 h", "15—18 时"), ("18-24", "18–24 h", "18—24 时")),
        _codes("origin_city", Text("车籍城市", "City of origin"), ("深圳", "Shenzhen"), ("广州", "Guangzhou"), ("东莞", "Dongguan"),
               ("惠州", "Huizhou"), ("佛山", "Foshan"), ("香港", "Hong Kong"), ("其他", "Elsewhere")),
        _codes("stay_band", Text("停留时长", "Length of stay"), ("1小时内", "Under 1 h"), ("1-3小时", "1–3 h"), ("3-8小时", "3–8 h"), ("8小时以上", "Over 8 h")),
        _codes("benefit_category", Text("惠民类别", "Kind of benefit"), ("门票优惠", "Cheaper tickets"), ("文旅券", "Voucher"), ("免费停车", "Free parking"),
               ("便民驿站", "Service point"), ("无障碍", "Barrier-free"), ("母婴室", "Nursing room"), ("公厕", "Public toilet")),
        _codes("venue_type", Text("场所类型", "Venue type"), ("A级景区", "Rated sight"), ("海滩浴场", "Bathing beach"), ("营地", "Camp"),
               ("民宿", "Homestay"), ("酒店", "Hotel"), ("文博馆", "Museum")),
        _codes("venue_grade", Text("等级", "Grade"), ("5A", "5A"), ("4A", "4A"), ("3A", "3A"), ("2A", "2A"), ("甲级", "Grade A"),
               ("乙级", "Grade B"), ("丙级", "Grade C"), ("未评级", "Not rated")),
        _codes("qc_flag", Text("质控码", "Quality flag"), ("0", "Right", "正确"), ("1", "Doubtful", "可疑"), ("2", "Wrong", "错误")),
        _codes("crowd_alert", Text("客流预警", "Crowd alert"), ("正常", "None"), ("黄", "Yellow"), ("橙", "Orange"), ("红", "Red")),
        _codes("event_type", Text("事件类型", "Kind of event"), ("溺水", "Drowning"), ("迷路", "Lost"), ("跌落", "Fall"), ("交通", "Traffic"),
               ("食品", "Food"), ("设备", "Equipment"), ("火情", "Fire")),
        _codes("review_state", Text("核定状态", "Review"), ("未核定", "Not reviewed"), ("已核定", "Reviewed")),
        _codes("warning_type", Text("预警类型", "Kind of warning"), ("台风", "Typhoon"), ("雷雨大风", "Thunderstorm gale"), ("暴雨", "Rainstorm"),
               ("高温", "Heat"), ("寒冷", "Cold"), ("大雾", "Fog"), ("道路结冰", "Icy roads"), ("森林火险", "Forest fire"), ("冰雹", "Hail"), ("灰霾", "Haze")),
        _codes("warning_level", Text("预警级别", "Warning level"), ("白", "White"), ("蓝", "Blue"), ("黄", "Yellow"), ("橙", "Orange"), ("红", "Red")),
        _codes("wave_grade", Text("浪级", "Sea state"), ("微浪", "Rippled"), ("小浪", "Smooth"), ("轻浪", "Slight"), ("中浪", "Moderate"), ("大浪", "Rough")),
        _codes("water_quality", Text("水质", "Water quality"), ("优", "Excellent"), ("良", "Good"), ("一般", "Fair"), ("差", "Poor")),
        _codes("beach_status", Text("浴场状态", "Beach status"), ("开放", "Open"), ("关闭", "Closed")),
        _codes("request_topic", Text("诉求主题", "Topic of a request"), ("停车", "Parking"), ("交通拥堵", "Congestion"), ("消费纠纷", "Consumer dispute"),
               ("环境卫生", "Cleanliness"), ("安全救援", "Safety and rescue"), ("票务", "Tickets")),
        _codes("relic_risk", Text("病害类型", "Risk to a relic"), ("无", "None"), ("渗漏", "Leak"), ("开裂", "Crack"), ("白蚁", "Termites"),
               ("倾斜", "Tilt"), ("火患", "Fire danger"), ("人为破坏", "Vandalism")),
        _codes("relic_action", Text("处置措施", "Action"), ("记录观察", "Watch"), ("现场清理", "Clean up"), ("临时支护", "Prop up"), ("报修", "Repair"), ("报警", "Call the police")),
        _codes("protection_level", Text("保护级别", "Protection"), ("全国重点", "National"), ("省级", "Province"), ("市级", "City"),
               ("区级", "District"), ("尚未定级", "Not listed")),
        _codes("relic_category", Text("文物类别", "Kind of relic"), ("古遗址", "Ancient site"), ("古墓葬", "Ancient tomb"), ("古建筑", "Old building"),
               ("石窟寺及石刻", "Grotto or carving"), ("近现代重要史迹及代表性建筑", "Modern historic site"), ("其他", "Other")),
        _codes("relic_condition", Text("保存状况", "Condition"), ("好", "Good"), ("较好", "Fairly good"), ("一般", "Fair"), ("较差", "Rather poor"), ("差", "Poor")),
    )
)  # fmt: skip
