"""How a file of each form is opened, as text for the page."""

from __future__ import annotations

from collections.abc import Mapping
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


def recipe_of(form: DeliveryForm, filename: str) -> str:
    """Lines of Python that open the file."""
    return _RECIPES[form].format(filename)
