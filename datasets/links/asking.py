"""Asking one address whether it is there: HEAD, then GET for its first byte, through the guard of addresses; nothing is kept of what it gives.

Redirects are followed by hand, and every hop is a connection of its own that passes the guard again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpcore2

from core.errors import AppError, InputRefused
from core.text import Text
from datasets.links.rules import BY_GET, Outcome, asked, judged
from datasets.sources import http
from datasets.sources.addresses import address_fault
from datasets.sources.guard import Allowed, Resolve, lookup

SECONDS: Final = 15.0
_REDIRECTS: Final = 5
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_KEPT: Final = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What an address said. `wait`: it asks to be left alone for now."""

    outcome: Outcome
    said: Text
    status: int | None = None
    etag: str = ""
    last_modified: str = ""
    wait: bool = False


def look(
    url: str, etag: str, last_modified: str, allowed: Allowed, site: str, resolve: Resolve = lookup
) -> Answer:
    """Ask an address; never raises for what another machine does."""
    here = asked(url)
    why = address_fault(here) if here else Text("不是网址", "is no address")
    if why is not None:
        said = Text(f"这样的地址不予检查：{why.zh}。", f"Such an address is not asked: {why.en}.")
        return Answer(Outcome.UNSURE, said)
    ends = time.monotonic() + SECONDS
    memory = [(b"If-None-Match", etag), (b"If-Modified-Since", last_modified)]
    try:
        for _ in range(_REDIRECTS + 1):
            status, headers = _hop(here, memory, allowed, site, resolve, ends)
            if status not in _MOVED:
                return _answer(here, status, headers)
            to = urljoin(here, headers.get("location", "")).partition("#")[0]
            if not headers.get("location") or address_fault(asked(to) or "-"):
                return Answer(
                    Outcome.BROKEN,
                    Text("转向一个无法使用的地址。", "It redirects to no usable address."),
                    status,
                )
            here = asked(to)
        return Answer(Outcome.BROKEN, Text("地址转来转去没有尽头。", "It redirects without end."))
    except InputRefused as refused:
        return Answer(Outcome.UNSURE, refused.detail)
    except AppError as fault_there:
        return Answer(Outcome.BROKEN, fault_there.detail)
    except http.FAULTS as fault_between:
        return Answer(Outcome.BROKEN, http.in_words(fault_between, here).detail)


def _hop(
    url: str, memory: list[tuple[bytes, str]], allowed: Allowed, site: str, resolve: Resolve, ends: float
) -> tuple[int, dict[str, str]]:
    """Status and headers of one address, no redirect followed."""
    status, headers = _ask("HEAD", url, memory, allowed, site, resolve, ends)
    return _ask("GET", url, memory, allowed, site, resolve, ends) if status in BY_GET else (status, headers)


def _ask(
    method: str, url: str, memory: list[tuple[bytes, str]], allowed: Allowed, site: str, resolve: Resolve, ends: float
) -> tuple[int, dict[str, str]]:  # fmt: skip
    sent = [
        (b"Host", urlsplit(url).netloc.encode()), (b"User-Agent", f"datagrant link check (+{site})".encode("ascii", "replace")),
        (b"Accept", b"*/*"), (b"Accept-Encoding", b"identity"), *((name, value.encode("latin-1", "replace")) for name, value in memory if value),
        *([(b"Range", b"bytes=0-0")] if method == "GET" else []),
    ]  # fmt: skip
    with (
        httpcore2.ConnectionPool(
            ssl_context=http.trust(), network_backend=http.Guarded(allowed, resolve, ends)
        ) as pool,
        pool.stream(method, http.split(url), headers=sent) as answer,
    ):
        return answer.status, {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers
        }


def _answer(url: str, status: int, headers: dict[str, str]) -> Answer:
    outcome = judged(status)
    host = urlsplit(url).hostname
    words = {
        Outcome.GOOD: Text(f"{host} 答复 {status}。", f"{host} answered {status}."),
        Outcome.UNSURE: Text(f"{host} 答复 {status}：须登录、限制访问或请求过多，无法判断。", f"{host} answered {status}: it wants an account, refuses programs or is asked too often; it cannot be told."),
        Outcome.BROKEN: Text(f"{host} 答复 {status}：地址失效。", f"{host} answered {status}: the link is broken."),
    }  # fmt: skip
    return Answer(
        outcome, words[outcome], status, _said_back(headers.get("etag", "")), _said_back(headers.get("last-modified", ""))[:100],
        wait=status in (429, 503),
    )  # fmt: skip


def _said_back(value: str) -> str:
    """A validator that can stand in a header of ours; another is forgotten."""
    return value if value.isascii() and value.isprintable() and len(value) <= _KEPT else ""
