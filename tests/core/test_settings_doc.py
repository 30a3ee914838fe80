"""Every setting stands in the docs, with its default."""

from __future__ import annotations

from pathlib import Path

from core.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def page() -> str:
    """The page as it must be; `python -m tests.core.test_settings_doc` writes it."""
    rows = [
        f"| `DATAGRANT_{name.upper()}` | `{field.default if field.default is not None else ''}` | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    head = "# Settings\n\nEnvironment variables, read once at the start.\n\n| Variable | Default | Meaning |\n|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def test_the_page_of_settings_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.core.test_settings_doc"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
