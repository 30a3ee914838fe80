"""Pages: one Jinja environment, one `page()`; language, actor, navigation and flash messages come with it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from api.deps import language
from api.navigation import nav_for
from auth.actor import ANYONE, Actor
from auth.grants.refusals import name_of
from auth.roles import ROLE_NAMES
from core import bases
from core.text import Lang, Text, counted

TEMPLATES: Final = Path(__file__).parent / "templates"
CHINA: Final = timezone(timedelta(hours=8), "UTC+8")


def _locale(context: Context) -> str:
    return "zh_CN" if context.get("lang") == "zh" else "en_GB"


@pass_context
def _t(context: Context, zh: str, en: str, **facts: object) -> str:
    if not facts:
        return Text(zh, en).in_(context["lang"])
    return zh.format(**facts) if context["lang"] == "zh" else counted(en, facts).format(**facts)


@pass_context
def _say(context: Context, text: Text | str | None) -> str:
    return "" if text is None else text.in_(context["lang"]) if isinstance(text, Text) else text


@pass_context
def _basis(context: Context, value: Text | str | None) -> str:
    said = _say(context, value)
    return bases.said(said, context["lang"])


@pass_context
def _when(context: Context, value: datetime | None) -> str:
    return (
        format_datetime(value.astimezone(CHINA), "yyyy-MM-dd HH:mm:ss", locale=_locale(context))
        if value
        else "—"
    )


@pass_context
def _day(context: Context, value: date | None) -> str:
    """Of an instant: the day that it was here."""
    local = value.astimezone(CHINA) if isinstance(value, datetime) and value.tzinfo else value
    return format_date(local, "yyyy-MM-dd", locale=_locale(context)) if local else "—"


@pass_context
def _number(context: Context, value: float | None) -> str:
    return format_decimal(value, locale=_locale(context)) if value is not None else "—"


def _size(value: float | None) -> str:
    if value is None:
        return "—"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024 or unit == "GiB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return ""


@cache
def environment() -> Environment:
    """The template environment. Autoescape always; an undefined name is an error."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals["t"] = _t
    env.filters |= {
        "say": _say,
        "basis": _basis,
        "when": _when,
        "day": _day,
        "number": _number,
        "size": _size,
        "reason_name": name_of,
    }
    return env


def _flash_of(request: Request) -> list[dict[str, str]]:
    try:
        raw = json.loads(base64.urlsafe_b64decode(request.cookies.get("dg_flash", "W10=")))
        return [{"kind": str(item["kind"]), "zh": str(item["zh"]), "en": str(item["en"])} for item in raw]
    except (ValueError, KeyError, TypeError):
        return []


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    place: str = "",
    **context: Any,  # noqa: ANN401
) -> HTMLResponse:
    """Render a template for whoever asked. place: `#id` of the part that the page's own links (tabs, pages, order) lead back to."""
    lang: Lang = language(request)
    actor: Actor = getattr(request.state, "actor", ANYONE)
    flash = _flash_of(request)
    settings = request.app.state.house.settings

    def with_query(**changes: object) -> str:
        kept = [(key, value) for key, value in request.query_params.multi_items() if key not in changes]
        added = [(key, str(value)) for key, value in changes.items() if value is not None]
        return f"{request.url.path}?{urlencode(kept + added)}{place}"

    from api.assets import asset_url

    html = environment().get_template(template).render(
        request=request, lang=lang, actor=actor, nav=nav_for(actor, request.url.path), demo=settings.demo,
        csrf=getattr(request.state, "csrf", None) or "", now=request.app.state.house.clock().astimezone(UTC),
        flash=[{"kind": item["kind"], "text": item[lang]} for item in flash], with_query=with_query,
        asset_url=asset_url, glass=getattr(request.state, "glass", ()), glass_roles=ROLE_NAMES, inbox_unread=getattr(request.state, "unread", 0), **({"org_name": getattr(request.state, "org_name", None)} | context),
    )  # fmt: skip
    answer = HTMLResponse(html, status)
    if request.query_params.get("lang") in ("zh", "en"):
        answer.set_cookie("dg_lang", lang, max_age=31536000, samesite="lax")
    if flash and "x-upload" not in request.headers:  # an upload's own visit is not the reader's
        answer.delete_cookie("dg_flash")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def page_number(request: Request) -> int:
    """The page of a list that the address asks for, from 1; whatever is no such number is the first."""
    word = request.query_params.get("page", "1")
    return max(1, int(word)) if word.isdecimal() and word.isascii() and len(word) < 7 else 1


def go(to: str, said: Text | None = None, kind: str = "success") -> RedirectResponse:
    """After a change: see `to`, with one sentence that says what was done."""
    answer = RedirectResponse(to, 303)
    if said is not None:
        body = json.dumps([{"kind": kind, "zh": said.zh, "en": said.en}], ensure_ascii=False).encode()
        answer.set_cookie(
            "dg_flash", base64.urlsafe_b64encode(body).decode(), max_age=60, httponly=True, samesite="lax"
        )
    return answer
