"""How a file of each form is opened, as text for the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from auth.policy.model import DeliveryForm

_RECIPES: Final[Mapping[DeliveryForm, str]] = {
    DeliveryForm.EXTRACT_PARQUET: 'import pandas as pd\ndf = pd.read_parquet("{0}")\n\nimport duckdb\nduckdb.sql("SELECT * FROM \'{0}\'")',
    DeliveryForm.EXTRACT_CSV: 'import pandas as pd\ndf = pd.read_csv("{0}", encoding="utf-8-sig")',
    DeliveryForm.EXTRACT_CSV_GB18030: 'import pandas as pd\ndf = pd.read_csv("{0}", encoding="gb18030")',
    DeliveryForm.EXTRACT_XLSX: 'import pandas as pd\ndf = pd.read_excel("{0}", engine="calamine")',
    DeliveryForm.EXTRACT_JSONL: 'import pandas as pd\ndf = pd.read_json("{0}", lines=True)',
    DeliveryForm.ENCLAVE: 'import pandas as pd\ndf = pd.read_parquet("{0}")',
    DeliveryForm.EXTRACT_GEOJSON: 'import geopandas\ndf = geopandas.read_file("{0}")',
}


_IN_R: Final[Mapping[DeliveryForm, str]] = {
    DeliveryForm.EXTRACT_CSV: 'df <- read.csv("{0}", fileEncoding = "UTF-8-BOM", check.names = FALSE, na.strings = ""{1})',
    DeliveryForm.EXTRACT_CSV_GB18030: 'df <- read.csv("{0}", fileEncoding = "GB18030", check.names = FALSE, na.strings = ""{1})',
    DeliveryForm.EXTRACT_JSONL: 'df <- jsonlite::stream_in(file("{0}"))',
}


def recipe_of(form: DeliveryForm, filename: str) -> str:
    """Lines of Python that open the file."""
    return _RECIPES[form].format(filename)


def recipe_in_r(form: DeliveryForm, filename: str, texts: Sequence[str] = ()) -> str | None:
    """A line of R that opens the file; None for forms that plain R does not read. `texts`: columns that must not be read as numbers."""
    if form not in _IN_R:
        return None
    return _IN_R[form].format(
        filename, f",\n               colClasses = c({r_texts(texts)})" if texts else ""
    )


def r_from_address(address: str, key: str, texts: Sequence[str] = ()) -> str:
    """Lines of R that read a table of CSV from an address with a key; `texts`: columns that must not be read as numbers."""
    kept = f",\n               colClasses = c({r_texts(texts)})" if texts else ""
    return (
        f'there <- url("{address}", headers = c(Authorization = "{key}"), encoding = "UTF-8")\n'
        f'df <- read.csv(there, check.names = FALSE, na.strings = ""{kept})'
    )


def r_texts(names: Iterable[str]) -> str:
    """Columns that R is to leave as texts, so that codes keep their zeros."""
    quoted = (name.replace("\\", "\\\\").replace('"', '\\"') for name in names)
    return ", ".join(f'"{name}" = "character"' for name in quoted)
