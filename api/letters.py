"""A decision letter on paper: the PDF, always the same bytes for the same letter; and the door that issues it once."""

from __future__ import annotations

import io
from functools import partial
from typing import Any, Final

from api.house import House
from api.lookups import column_titles
from auth.actor import Actor
from auth.applications import letters
from auth.applications.letters import Issued, Letter, Said, Sourced
from core.ids import ApplicationId
from core.text import Text

FONT: Final = "STSong-Light"
HEADS: Final = {
    "lines": Text("决定内容", "The decision"),
    "principles": Text("公益与公平", "Public interest and fairness"),
    "basis": Text("法律依据", "Legal basis"),
    "conditions": Text("条件", "Conditions"),
    "remedies": Text("救济途径", "What can be done"),
}


def letter_of(house: House, actor: Actor, application_id: ApplicationId) -> Issued:
    """The letter as issued; the first who asks for it has it made and put on record."""
    with house.read() as work:
        found = letters.issued(work, actor, application_id)
    if found is not None:
        return found
    with house.write() as work:
        return letters.issue(work, actor, application_id, render=pdf, titles=partial(column_titles, work))


def pdf(letter: Letter) -> bytes:
    """The letter in both languages. No clock and no chance enters: `invariant` keeps dates and ids out of the file."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table

    if FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    body = ParagraphStyle("body", fontName=FONT, fontSize=10, leading=15, wordWrap="CJK")
    head = ParagraphStyle("head", parent=body, fontSize=12, leading=20, spaceBefore=8)
    title = ParagraphStyle("title", parent=body, fontSize=18, leading=28, alignment=1)

    def said(text: Said | Text, style: Any = body) -> Any:  # noqa: ANN401 - reportlab is untyped
        return Paragraph(_safe(text.zh if text.zh == text.en else f"{text.zh}　{text.en}"), style)

    def sourced(entries: tuple[Sourced, ...]) -> list[Any]:
        return [
            Paragraph(_safe(f"{n}. {_both(each)}{f'（{each.source}）' if each.source else ''}"), body)
            for n, each in enumerate(entries, 1)
        ]

    def grid(rows: list[list[Any]], widths: list[float]) -> Any:  # noqa: ANN401
        lines = [("GRID", (0, 0), (-1, -1), 0.4, "#888888"), ("VALIGN", (0, 0), (-1, -1), "TOP")]
        return Table(rows, colWidths=widths, style=lines, spaceBefore=4, spaceAfter=6)

    story: list[Any] = [
        said(Text("数据授权申请决定书", "Decision on an application for data"), title),
        said(Text(f"编号 No. {letter.number}", f"编号 No. {letter.number}")),
        said(Text(f"申请单位：{letter.applicant.zh}", f"Applicant: {letter.applicant.en}")),
        *(said(Text(f"数源部门：{each.zh}", f"Source department: {each.en}")) for each in letter.departments),
        *(said(Text(f"代理决定：{each.zh}", f"Decided by a deputy: {each.en}")) for each in letter.deputies),
        said(Text(f"决定日期 Decided on {letter.decided_on}", f"决定日期 Decided on {letter.decided_on}")),
        said(Text(f"决定：{letter.heading.zh}", f"Decision: {letter.heading.en}"), head),
        said(HEADS["lines"], head),
    ]  # fmt: skip
    for line in letter.lines:
        story += [
            said(
                Text(
                    f"{line.dataset_id} {line.title.zh}：{line.outcome.zh}",
                    f"{line.title.en}: {line.outcome.en}",
                )
            )
        ]
        story += sourced(line.reasons)
        if line.facts:
            story.append(grid([[said(name), said(value)] for name, value in line.facts], [150, 330]))
            story.append(
                grid([[Paragraph(_safe(name), body), said(use)] for name, use in line.columns], [200, 280])
            )
    if letter.principles:
        held = [[said(name), said(words)] for name, words in letter.principles]
        story += [said(HEADS["principles"], head), grid(held, [150, 330])]
    for key in ("basis", "conditions", "remedies"):
        if entries := getattr(letter, key):
            story += [said(HEADS[key], head), *sourced(entries)]
    if letter.agreement_hash:
        story += [
            Spacer(1, 8),
            said(Text(f"条款摘要 SHA-256：{letter.agreement_hash}", "digest of the terms")),
        ]
    out = io.BytesIO()
    SimpleDocTemplate(
        out, pagesize=A4, invariant=1, title=f"{letter.heading.zh} {letter.number}", author="Datagrant",
        leftMargin=56, rightMargin=56, topMargin=56, bottomMargin=56,
    ).build(story, onFirstPage=_foot(letter.number), onLaterPages=_foot(letter.number))  # fmt: skip
    return out.getvalue()


def _foot(number: str) -> Any:  # noqa: ANN401
    def draw(canvas: Any, document: Any) -> None:  # noqa: ANN401
        canvas.setFont(FONT, 8)
        canvas.drawString(56, 32, f"{number} · {document.page}")

    return draw


def _both(text: Said) -> str:
    return text.zh if text.zh == text.en else f"{text.zh} {text.en}"


def _safe(text: str) -> str:
    """Text as text: nothing that somebody wrote is markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", "<br/>")
