"""A deletion certificate on paper: the same bytes for the same signed document."""

from __future__ import annotations

import hashlib
import io
from typing import Any, Final

import rfc8785

from api.letters import FONT, _foot, _safe
from core.text import number_of

_HEADS: Final = ("状态 Standing", "SHA-256", "行数 Rows", "最近交付 Last delivered", "回执摘要 Receipt")
_WIDTHS: Final = (60.0, 170.0, 45.0, 85.0, 120.0)


def pdf(document: dict[str, Any]) -> bytes:
    """Every file that left, in both languages, and what is missing; the digest of the signed JSON stands at the end."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

    if FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    body = ParagraphStyle("body", fontName=FONT, fontSize=10, leading=15, wordWrap="CJK")
    small = ParagraphStyle("small", parent=body, fontSize=7, leading=10)
    title = ParagraphStyle("title", parent=body, fontSize=18, leading=28, alignment=1)

    def line(text: str, style: Any = body) -> Any:  # noqa: ANN401 - reportlab is untyped
        return Paragraph(_safe(text), style)

    story = [
        line("数据销毁证明 Deletion certificate", title),
        line(f"授权 Grant: {document['grant']}"),
        line(f"机构 Organisation: {document['organisation']}　数据集 Dataset: {document['dataset']}"),
        line(f"提交时间 Handed in: {document['handed_in_at'] or '尚未提交 not handed in'}"),
        line(
            f"已交付 {len(document['files'])} 个文件，缺失 {len(document['missing'])} 个。 "
            f"{number_of(len(document['files']), 'files were')} delivered, {len(document['missing'])} are missing from the certificate."
        ),
        line(document["text"] or "—"),
    ]
    rows = [[line(head, small) for head in _HEADS]] + [
        [
            line("已删除 deleted" if each["deleted"] else "缺失 missing", small),
            *(
                line(str(value if value is not None else "—"), small)
                for value in (
                    each["sha256"], each.get("rows"), each["last_delivered_at"][:19] + "Z", each.get("receipt_sha256"),
                )
            ),
        ]
        for each in document["files"]
    ]  # fmt: skip
    style = [("GRID", (0, 0), (-1, -1), 0.4, "#888888"), ("VALIGN", (0, 0), (-1, -1), "TOP")]
    story.append(Table(rows, colWidths=_WIDTHS, style=style, repeatRows=1, spaceBefore=6, spaceAfter=6))
    story += [
        line(f"列入证明但未交付 named but never delivered: {each}", small)
        for each in document["unknown"][:200]
    ]
    story += [
        line(f"附件 attachment {each['name']} {each['sha256']}", small) for each in document["attachments"]
    ]
    digest = hashlib.sha256(rfc8785.dumps(document)).hexdigest()
    story.append(line(f"签名文件摘要 SHA-256 of the signed document: {digest}", small))
    story.append(line(f"公钥 public key: {document['signed_with']['public_key']}", small))
    out = io.BytesIO()
    SimpleDocTemplate(
        out, pagesize=A4, invariant=1, title=f"Deletion certificate {document['duty']}", author="Datagrant",
        leftMargin=56, rightMargin=56, topMargin=56, bottomMargin=56,
    ).build(story, onFirstPage=_foot(document["duty"]), onLaterPages=_foot(document["duty"]))  # fmt: skip
    return out.getvalue()
