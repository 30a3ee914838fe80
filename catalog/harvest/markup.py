"""Descriptions that other catalogues wrote in HTML, as plain text with their paragraphs, lists and addresses.

Nothing of the markup is kept: records go into forms that know none (CSV, OAI-PMH, feeds), and foreign markup has no business in our pages.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Final

_TAGS: Final = (
    "a|abbr|address|article|b|big|blockquote|body|br|center|cite|code|dd|del|div|dl|dt|em|font|h[1-6]|hr|html|i|img|ins|li|ol|p|pre|s|script|section|small|"
    "span|strike|strong|style|sub|sup|table|tbody|td|tfoot|th|thead|tr|tt|u|ul"
)
# no `<` within a tag: each is looked at once, so that no text takes longer than its length
_MARKUP: Final = re.compile(rf"<(/?)({_TAGS})((?:[\s/][^<>]*)?)>|<!--[^<>]*-->", re.IGNORECASE)
_CUT: Final = re.compile(rf"<(?:{_TAGS})\s[^<>]*$", re.IGNORECASE)
_HREF: Final = re.compile(r"""\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+))""", re.IGNORECASE)
_ENTITY: Final = re.compile(
    r"&(?:amp|lt|gt|quot|apos|nbsp|[lr][sd]quo|[mn]dash|hellip|bull|#\d{1,6}|#x[0-9a-f]{1,5});", re.IGNORECASE
)
_MOST: Final = 60_000  # characters that are read; three times what is kept
_BLOCKS: Final = frozenset(
    [
        "address",
        "article",
        "blockquote",
        "body",
        "center",
        "div",
        "dl",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "ul",
    ]
)
_LINES: Final = frozenset(["br", "dd", "dt", "hr", "li", "tr"])
_UNSEEN: Final = frozenset({"script", "style"})
_ADDRESS: Final = re.compile(r"(?:https?|ftp|mailto):\S+", re.IGNORECASE)


def text_of(said: str) -> str:
    """The text without its markup; a text that holds none of HTML's tags or signs stays as it is."""
    said = said[:_MOST]
    if _MARKUP.search(said):
        return _read(_CUT.sub("", said))
    return _ENTITY.sub(lambda sign: unescape(sign.group()).replace("\u00a0", " "), said)


def _read(said: str) -> str:
    """What a person would see. A `<` that begins no tag of HTML is a sign like any other."""
    parts: list[str] = []
    unseen, place, began, end = "", "", 0, 0
    for found in _MARKUP.finditer(said):
        if not unseen:
            parts.append(_words(said[end : found.start()]))
        end = found.end()
        closes, tag, rest = found.group(1), (found.group(2) or "").lower(), found.group(3)
        if unseen or tag in _UNSEEN:
            unseen = "" if closes and tag == unseen else unseen or ("" if closes else tag)
        elif tag == "a" and not closes:
            href = _HREF.search(rest)
            place, began = unescape(next(filter(None, href.groups()), "")) if href else "", len(parts)
        elif tag == "a":
            if _ADDRESS.fullmatch(place) and place not in "".join(parts[began:]):
                parts.append(f" ({place})")
            place = ""
        else:
            parts.append(_break(tag, closes=bool(closes)))
    parts.append("" if unseen else _words(said[end:]))
    lines = [line.strip(" ") for line in re.sub(r" +", " ", "".join(parts)).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _words(said: str) -> str:
    return re.sub(r"\s+", " ", unescape(said))


def _break(tag: str, *, closes: bool) -> str:
    if tag in _BLOCKS:
        return "\n\n"
    if closes:
        return ""
    return "\n- " if tag == "li" else "\n" if tag in _LINES else " " if tag in ("td", "th") else ""
