"""Which links a record holds, what an answer means, when to ask again, in which order. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

from core.text import Text


class Outcome(StrEnum):
    """`unsure`: whoever asks without an account cannot tell, or the address is one that this service does not ask."""

    NEW = "new"
    GOOD = "good"
    BROKEN = "broken"
    UNSURE = "unsure"


OUTCOME_NAMES: Final[Mapping[Outcome, Text]] = {
    Outcome.NEW: Text("尚未检查", "not looked at yet"),
    Outcome.GOOD: Text("有效", "good"),
    Outcome.BROKEN: Text("失效", "broken"),
    Outcome.UNSURE: Text("无法判断", "cannot be told"),
}
PLACE_NAMES: Final[Mapping[str, Text]] = {
    "page": Text("来源页面", "Landing page"),
    "resource": Text("资源", "Resource"),
    "reuse": Text("再利用", "Reuse"),
}
_UNSURE: Final = frozenset({401, 402, 403, 405, 406, 407, 412, 416, 418, 421, 425, 426, 428, 429, 431, 451})
BY_GET: Final = frozenset({400, 403, 404, 405, 406, 409, 415, 500, 501, 502, 503})
"""Answers to HEAD that are believed only when GET says the same: many servers do not know HEAD."""
PER_HOST: Final = 100
"""Links of one host in one run."""
PAUSE_S: Final = 1.0
"""Between two requests to one host."""
_MOST: Final = 2000


def key_of(url: str) -> str:
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()


def asked(url: str) -> str:
    """The address as it is asked for: without fragment, the path percent-encoded, the host in ASCII; empty where that is none."""
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname or ""
        host = host if host.isascii() else host.encode("idna").decode()
        port = f":{parts.port}" if parts.port else ""
    except (ValueError, UnicodeError):
        return ""
    if parts.scheme.lower() not in ("http", "https") or not host:
        return ""
    place = f"[{host}]" if ":" in host else host
    who = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    path, query = (quote(each, safe="/%:@!$&'()*+,;=~-._?") for each in (parts.path, parts.query))
    return urlunsplit((parts.scheme.lower(), f"{who}{place}{port}", path, query, ""))


def host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "")[:255]
    except ValueError:
        return ""


def links_in(
    document: Mapping[str, Any], foreign_from: str, reuses: Iterable[str], own: str
) -> set[tuple[str, str]]:
    """The outside addresses of a record, each with its place; addresses of this service itself (`own`) are not asked for."""
    resources = document.get("resources") or []
    found = [
        (document.get("url"), "page"), (foreign_from, "page"), *((url, "reuse") for url in reuses),
        *((each.get("url"), "resource") for each in resources if isinstance(each, Mapping)),
    ]  # fmt: skip
    return {
        (url.strip(), place)
        for url, place in found
        if isinstance(url, str)
        and url.strip().lower().startswith(("http://", "https://"))
        and len(url) <= _MOST
        and not (url.strip() + "/").startswith(own.rstrip("/") + "/")
    }


def judged(status: int) -> Outcome:
    """What a final status means for somebody who follows the link."""
    if 200 <= status < 300 or status == 304:
        return Outcome.GOOD
    return Outcome.UNSURE if status in _UNSURE else Outcome.BROKEN


def next_look(outcome: Outcome, failures: int, now: datetime) -> datetime:
    """A good link in a week; one that broke tomorrow, for three days; then once a week, as what cannot be told."""
    soon = outcome is Outcome.BROKEN and failures <= 3
    return now + timedelta(days=1 if soon else 7)


def arranged(links: Sequence[tuple[str, str]], most: int) -> list[str]:
    """Keys to ask for, of (key, host) in the order of their time: hosts in turn, none more than its share."""
    rows: dict[str, deque[str]] = {}
    taken: Counter[str] = Counter()
    for key, host in links:
        if taken[host] < PER_HOST:
            taken[host] += 1
            rows.setdefault(host, deque()).append(key)
    found: list[str] = []
    while rows and len(found) < most:
        for host in list(rows):
            found.append(rows[host].popleft())
            if not rows[host]:
                del rows[host]
    return found[:most]
