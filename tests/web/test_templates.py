"""Every template parses and keeps the house rules: two languages for every sentence, no inline code, forms with their token.

The rules read templates only; they need neither a server nor a browser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from jinja2 import Environment, nodes

from api.web import TEMPLATES, environment

CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
WORD = re.compile(r"[A-Za-z]{2,}")
# What stays the same in both languages: names, formats, units.
NAMES = {
    "数授", "数", "中文", "Datagrant", "English", "Parquet", "CSV", "XLSX", "JSON", "GeoJSON", "SHA", "UTC", "API", "CKAN",
    "DCAT", "Atom", "Great", "Expectations", "KiB", "MiB", "GiB",
}  # fmt: skip
SPOKEN_ATTRIBUTES = {
    "title",
    "alt",
    "placeholder",
    "aria-label",
    "aria-description",
    "label",
    "data-done",
    "data-confirm",
}
SILENT_ELEMENTS = {"code", "pre", "samp", "kbd"}
VOID = {"input", "br", "hr", "img", "meta", "link", "col", "wbr", "source"}
DATA_BLOCKS = {"application/json", "application/ld+json"}
HOLE = "\N{REPLACEMENT CHARACTER}"


def spoken(text: str) -> list[str]:
    """Words of a language in `text` that are no names."""
    runs = re.findall(r"[\u3400-\u9fff\uf900-\ufaff]+|[A-Za-z]{2,}", text)
    return [run for run in runs if run not in NAMES]


def markup(env: Environment, source: str) -> str:
    """The template's own text: every statement gone, every expression a hole, line by line."""
    parts: list[str] = []
    inside = ""
    for _, kind, value in env.lex(source):
        if kind == "data":
            parts.append(value)
        elif kind in ("variable_begin", "block_begin", "raw_begin"):
            inside = kind
            parts.append(HOLE if kind == "variable_begin" else "")
        if inside or kind.startswith("comment"):
            parts.append("\n" * value.count("\n") if kind != "data" else "")
        if kind.endswith("_end"):
            inside = ""
    return "".join(parts)


class Reader(HTMLParser):
    """Collects faults of the markup."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.open: list[str] = []

    def fault(self, said: str) -> None:
        self.faults.append(f"line {self.getpos()[0]}: {said}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        given = {name: value or "" for name, value in attrs}
        if tag == "style" or "style" in given:
            self.fault(f"inline style in <{tag}>")
        if tag == "script" and not given.get("src") and given.get("type") not in DATA_BLOCKS:
            self.fault("inline script")
        for name, value in given.items():
            if name.startswith(("on", "hx-on")):
                self.fault(f"inline handler {name} in <{tag}>")
            if name in SPOKEN_ATTRIBUTES and (words := spoken(value)):
                self.fault(f"{name}={value!r} speaks one language ({words[0]}): use t(…)")
            if name in ("href", "src", "action") and re.match(r"(https?:)?//", value):
                self.fault(f"{name} leads outside: {value}")

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not SILENT_ELEMENTS & set(self.open) and (words := spoken(data)):
            self.fault(f"bare text {data.strip()[:40]!r} ({words[0]}): use t(…)")


def _is_t(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == "t"


def _of_call(call: nodes.Call) -> Iterator[str]:
    where = f"line {call.lineno}: t(…)"
    texts = [arg.value for arg in call.args if isinstance(arg, nodes.Const) and isinstance(arg.value, str)]
    if len(call.args) != 2 or len(texts) != 2 or not all(text.strip() for text in texts):
        yield f"{where} takes two sentences that are not empty: Chinese, English"
        return
    zh, en = texts
    if CJK.search(en):
        yield f"{where} has Chinese in its English sentence {en!r}"
    if not CJK.search(zh) and WORD.search(zh) and zh != en:
        yield f"{where} has no Chinese in its Chinese sentence {zh!r}"
    if set(re.findall(r"\{(\w+)", zh)) != set(re.findall(r"\{(\w+)", en)):
        yield f"{where} names other places in {zh!r} than in {en!r}"


def _strings_outside_t(node: nodes.Node) -> Iterator[nodes.Const]:
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.Const) and isinstance(child.value, str):
            yield child
        elif not _is_t(child) and not isinstance(child, nodes.Output | nodes.TemplateData):
            yield from _strings_outside_t(child)
        elif isinstance(child, nodes.Output):
            for inner in child.nodes:
                if isinstance(inner, nodes.Const) and isinstance(inner.value, str):
                    yield inner
                elif not _is_t(inner) and not isinstance(inner, nodes.TemplateData):
                    yield from _strings_outside_t(inner)


def _is_sentence(text: str) -> bool:
    """English written for people: a capital word followed by more, or words that end in a stop."""
    return bool(re.search(r"[A-Z][a-z]+ [A-Za-z]", text) or re.search(r"[a-z]{2,} [a-z]{2,}.*[.!?]$", text))


def faults(env: Environment, source: str) -> list[str]:
    """Every breach of the rules in one template."""
    tree = env.parse(source)
    found = [fault for call in tree.find_all(nodes.Call) if _is_t(call) for fault in _of_call(call)]
    for const in _strings_outside_t(tree):
        words = spoken(const.value)
        if words and (CJK.search("".join(words)) or _is_sentence(const.value)):
            found.append(f"line {const.lineno}: {const.value!r} speaks one language: use t(…)")
    reader = Reader()
    reader.feed(markup(env, source))
    found += reader.faults
    for form in re.finditer(r"<form\b[^>]*method=\"post\".*?</form>", source, re.S | re.I):
        if "csrf" not in form.group():
            found.append(
                f"line {source[: form.start()].count(chr(10)) + 1}: a form that posts without ui.csrf_field()"
            )
    return found


@pytest.mark.parametrize(
    "name", sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))
)
def test_a_template_keeps_the_rules(name: str) -> None:
    env = environment()
    assert faults(env, (TEMPLATES / name).read_text(encoding="utf-8")) == []
    env.get_template(name)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("<p>Bare words</p>", "bare text"),
        ("<p>裸字</p>", "bare text"),
        ('{{ t("只有中文") }}', "two sentences"),
        ('{{ t("中文", "") }}', "two sentences"),
        ('{{ t("中文", "half 中文") }}', "Chinese in its English"),
        ('{{ t("{n} 行", "{m} rows") }}', "other places"),
        ('{{ t("rows", "lines") }}', "no Chinese"),
        ('{{ ui.button("提交") }}', "speaks one language"),
        ('{% set x = "Save the draft" %}', "speaks one language"),
        ('<a title="Go back">{{ x }}</a>', "speaks one language"),
        ('<p style="color: red">{{ x }}</p>', "inline style"),
        ("<script>go()</script>", "inline script"),
        ('<a onclick="go()">{{ x }}</a>', "inline handler"),
        ('<img src="https://example.org/x.png">', "leads outside"),
        ('<form method="post" action="/x"></form>', "without ui.csrf_field"),
        ("line one\n{% if x %}\n\n<b>Word</b>{% endif %}", "line 4"),
    ],
)  # fmt: skip
def test_a_breach_is_found(source: str, said: str) -> None:
    assert any(said in fault for fault in faults(environment(), source))


@pytest.mark.parametrize(
    "source",
    [
        '<p>{{ t("保存", "Save") }} · {{ n }}/{{ m }}</p>',
        '<p class="muted {{ "small" if x else "num" }}">{{ t("第 {n} 页", "page {n}", n=1) }}</p>',
        "<p>Datagrant <code>datagrant check FILE</code></p>",
        '<form method="post" action="/x">{{ ui.csrf_field() }}</form>',
        "{# Notes for the writer of a page #}<p>{{ x }}</p>",
    ],
)
def test_good_markup_passes(source: str) -> None:
    assert faults(environment(), source) == []
