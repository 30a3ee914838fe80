"""Discussions as Atom (RFC 4287): each thread an entry, its newest words first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from catalog.discussions.service import ReplyRead, ThreadRead
from catalog.discussions.workflow import KIND_NAMES, STATE_NAMES
from catalog.standards.entry import instant
from core.text import Lang, Text

NAMESPACE: Final = "http://www.w3.org/2005/Atom"
_HIDDEN: Final = Text("内容已隐藏：", "Hidden: ")


def feed(
    threads: Sequence[ThreadRead],
    *,
    address: str,
    page: str,
    site: str,
    title: Text,
    lang: Lang,
    updated: str,
) -> bytes:
    """`address` names the feed, `page` is where people read the same; `updated`: of an empty feed."""
    from lxml import etree

    def put(parent: object, name: str, text: str = "", **attributes: str) -> object:
        made = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}", attributes)
        made.text = text or None
        return made

    root = etree.Element(f"{{{NAMESPACE}}}feed", nsmap={None: NAMESPACE})
    root.set("{http://www.w3.org/XML/1998/namespace}lang", "zh-CN" if lang == "zh" else "en")
    put(root, "id", address)
    put(root, "title", title.in_(lang))
    put(root, "updated", max([updated, *(instant(_last(each).posted_at) for each in threads)]))
    put(put(root, "author"), "name", Text("数授", "Datagrant").in_(lang))
    put(root, "link", rel="self", href=address, type="application/atom+xml")
    put(root, "link", rel="alternate", href=page, type="text/html")
    for thread in sorted(threads, key=lambda each: _last(each).posted_at, reverse=True):
        entry = put(root, "entry")
        where = f"{site}/datasets/{thread.dataset_id}/discussion#{thread.id}"
        name = thread.title_zh if lang == "zh" else thread.title_en
        put(entry, "id", where)
        put(
            entry,
            "title",
            f"{name} · {KIND_NAMES[thread.kind].in_(lang)} · {STATE_NAMES[thread.state].in_(lang)}",
        )
        put(entry, "published", instant(thread.posted_at))
        put(entry, "updated", instant(_last(thread).posted_at))
        put(entry, "link", rel="alternate", href=where, type="text/html")
        put(
            entry,
            "content",
            "\n\n".join(_said(each, lang) for each in (thread, *thread.replies)),
            type="text",
        )
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _last(thread: ThreadRead) -> ReplyRead:
    return thread.replies[-1] if thread.replies else thread


def _said(post: ReplyRead, lang: Lang) -> str:
    """What everybody may read of a post; who wrote is told as on the page, the department or a reader."""
    who = Text("部门", "Department") if post.by_department else Text("读者", "Reader")
    words = f"{_HIDDEN.in_(lang)}{post.hidden_reason}" if post.hidden_reason else post.body
    return f"{who.in_(lang)}: {words}"
