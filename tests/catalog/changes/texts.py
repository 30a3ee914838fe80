"""Texts that come back out of both kinds of tables, CSV and XLSX."""

from __future__ import annotations

from hypothesis import strategies as st

NO_CHARACTERS = "\ufffe\uffff"
"""No XML holds them, and so no workbook: calamine gives `_xFFFE_` for what XlsxWriter writes in their place."""


def texts(most: int) -> st.SearchStrategy[str]:
    """Of at most so many characters, none of them a control character, without blanks around."""
    held = st.characters(exclude_categories=["Cc", "Cs"], exclude_characters=NO_CHARACTERS)
    return st.text(held, max_size=most).map(str.strip)
