"""QR codes as SVG, drawn here: nothing is loaded from elsewhere."""

from __future__ import annotations

import base64


def svg(text: str, *, quiet: int = 4) -> str:
    """The code as one path, one unit to a module, with its quiet zone; dark on light in every colour scheme."""
    from reportlab.graphics.barcode.qr import QrCodeWidget  # slow to import; only this page draws

    code = QrCodeWidget(text, barLevel="M").qr
    code.make()
    size = len(code.modules) + 2 * quiet
    dark = "".join(
        f"M{x + quiet} {y + quiet}h1v1h-1z"
        for y, row in enumerate(code.modules)
        for x, is_dark in enumerate(row)
        if is_dark
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{size}v{size}H0z"/><path d="{dark}"/></svg>'
    )


def picture(text: str) -> str:
    """The code as an address for `<img src>`."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg(text).encode()).decode()
