"""Papers of the demo: a page that says what it stands for, as a real PDF."""

from __future__ import annotations

import io


def blank_pdf(title: str) -> bytes:
    """One page with a title and the word that it is a sample."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    out = io.BytesIO()
    canvas = Canvas(out, invariant=True)
    canvas.setFont("STSong-Light", 16)
    canvas.drawString(72, 760, title)
    canvas.drawString(72, 730, "示例文件，仅供演示 · Sample")
    canvas.showPage()
    canvas.save()
    return out.getvalue()
