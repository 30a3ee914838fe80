"""Names, codes and draws that several sample datasets share. Place names are public; all else is invented."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

SEED: Final = 20261001
SUBDISTRICTS: Final = ("葵涌", "大鹏", "南澳")
LON: Final = (114.28, 114.65)
LAT: Final = (22.40, 22.72)
HOLIDAY: Final = ("2026-10-01", "2026-10-07")
ROADS: Final = (
    "坪西路", "鹏飞路", "迎宾路", "葵南路", "金沙路", "银叶路", "海滨路", "人民路", "新东路", "西涌路",
    "东涌路", "葵政路", "环城路", "南西路", "银滩路", "鹏新路", "葵新路", "洋业路", "富华路", "同富路",
)  # fmt: skip


class Place(NamedTuple):
    name: str
    subdistrict: str
    lon: float
    lat: float
    pull: float
    """How strongly it draws visitors: 1 is average."""


PLACES: Final = (
    Place("土洋", "葵涌", 114.402, 22.601, 0.7),
    Place("官湖", "葵涌", 114.415, 22.607, 1.2),
    Place("溪涌", "葵涌", 114.343, 22.611, 0.9),
    Place("沙鱼涌", "葵涌", 114.409, 22.604, 0.8),
    Place("坝光", "葵涌", 114.520, 22.645, 0.9),
    Place("三溪", "葵涌", 114.424, 22.634, 0.5),
    Place("葵丰", "葵涌", 114.421, 22.641, 0.5),
    Place("金沙湾", "大鹏", 114.457, 22.581, 1.4),
    Place("较场尾", "大鹏", 114.499, 22.582, 1.8),
    Place("大鹏所城", "大鹏", 114.513, 22.594, 1.9),
    Place("王母", "大鹏", 114.474, 22.594, 0.7),
    Place("水头", "大鹏", 114.481, 22.603, 0.6),
    Place("布新", "大鹏", 114.468, 22.606, 0.5),
    Place("岭澳", "大鹏", 114.556, 22.603, 0.6),
    Place("南渔", "南澳", 114.489, 22.541, 1.1),
    Place("水头沙", "南澳", 114.484, 22.546, 1.0),
    Place("西涌", "南澳", 114.541, 22.482, 1.7),
    Place("东涌", "南澳", 114.575, 22.489, 1.3),
    Place("杨梅坑", "南澳", 114.573, 22.550, 1.6),
    Place("桔钓沙", "南澳", 114.561, 22.558, 1.5),
    Place("新大", "南澳", 114.531, 22.566, 0.7),
    Place("鹅公湾", "南澳", 114.484, 22.487, 0.8),
)

SURNAMES: Final = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"


def rng(salt: int) -> np.random.Generator:
    """A source of draws of its own for each dataset, so that one can change without moving the others."""
    return np.random.default_rng([SEED, salt])


def person(draw: np.random.Generator) -> str:
    """A name that reads as a name and as invented: surname plus 示例 and a letter."""
    return f"{SURNAMES[draw.integers(len(SURNAMES))]}示例{'甲乙丙丁戊己庚辛'[draw.integers(8)]}"


def landline(number: int) -> str:
    """No telephone number of the 0755 area begins with a zero."""
    return f"0755-0000{number:04d}"


def mobile(number: int) -> str:
    return f"1300000{number:04d}"


def near(place: Place, draw: np.random.Generator, spread: float = 0.006) -> tuple[float, float]:
    lon, lat = place.lon + draw.normal(0, spread), place.lat + draw.normal(0, spread)
    return round(float(np.clip(lon, *LON)), 6), round(float(np.clip(lat, *LAT)), 6)


def place_list(draw: np.random.Generator, n: int) -> list[Place]:
    """`n` places, the popular ones more often."""
    pulls = np.array([place.pull for place in PLACES])
    return [PLACES[i] for i in draw.choice(len(PLACES), size=n, p=pulls / pulls.sum())]


def day_tide(hours: npt.NDArray[np.float64], peak: float, width: float) -> npt.NDArray[np.float64]:
    """A bell over the day, 0 to 1, highest at `peak` o'clock."""
    tide: npt.NDArray[np.float64] = np.exp(-(((hours - peak) / width) ** 2))
    return tide


def spoil(frame: pd.DataFrame, rows: Sequence[int], **values: Any) -> None:  # noqa: ANN401
    """Overwrite cells of the rows at these positions; a value may be a list with one entry for each row."""
    for name, value in values.items():
        frame.iloc[list(rows), list(frame.columns).index(name)] = value


def repeated(frame: pd.DataFrame, rows: Sequence[int]) -> pd.DataFrame:
    """The frame with copies of these rows at the end, as a batch that was sent twice has them."""
    return pd.concat([frame, frame.iloc[list(rows)]], ignore_index=True)
