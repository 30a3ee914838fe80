"""What counts as a use of open data, and as which. Pure."""

from __future__ import annotations

import re
from typing import Final, Literal

from core.text import Text

Kind = Literal["visit", "download", "call"]
KINDS: Final[dict[Kind, Text]] = {
    "visit": Text("访问", "Visits"),
    "download": Text("下载", "Downloads"),
    "call": Text("调用", "Calls"),
}
RECENT_DAYS: Final = 14  # what CKAN calls recent
_OPEN: Final = "U"
_OPEN_LEVEL: Final = 1
_FOOTER: Final = 1024 * 1024
_ROBOT: Final = re.compile(
    r"bot\b|bot[/;_-]|crawl|spider|slurp|preview|facebookexternalhit|headless|lighthouse|pingdom|uptime|monitor|archive|fetch"
    r"|scrapy|python|curl|wget|java/|okhttp|httpclient|axios|feed|validator|scan|qwantify|bytespider|mediapartners",
    re.IGNORECASE,
)
_RANGE: Final = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE)


def is_counted(state: str, open_type: str, level: int | None) -> bool:
    """Whether numbers of a record are kept and told: published, and open to all. What needs a grant stands in the ledger alone."""
    return state == "published" and open_type == _OPEN and (level is None or level <= _OPEN_LEVEL)


def is_person(agent: str, purpose: str = "") -> bool:
    """Whether a page view is a person's, by what the browser says of itself; `purpose`: nothing that is fetched ahead, unseen."""
    looks = agent.startswith(("Mozilla/", "Opera/")) and not _ROBOT.search(agent)
    return looks and "prefetch" not in purpose.lower() and "prerender" not in purpose.lower()


def kind_of_reading(asked_range: str, size_bytes: int | None) -> Kind | None:
    """What a request for a file counts as: whole, or from its first byte, a download; its end alone, as programs open Parquet in
    place, a call; any other piece is the rest of something that has been counted. `size_bytes`: of Parquet; None for other files."""
    found = _RANGE.fullmatch(asked_range)
    if found is None or found.groups() == ("", ""):
        return "download"  # what cannot be read as one range is answered with the whole
    first, last = (int(each) if each else None for each in found.groups())
    if first == 0:
        return "download"
    if size_bytes is None or (first is not None and first >= size_bytes):
        return None
    if first is None:
        return "download" if (last or 0) >= size_bytes else "call"
    reaches_end = last is None or last >= size_bytes - 1
    return "call" if reaches_end and first >= size_bytes - _FOOTER else None
