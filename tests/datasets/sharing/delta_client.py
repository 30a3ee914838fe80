"""Runs in the environment of the real `delta-sharing` client (.venv-delta): reads as an analyst would and prints JSON.

argv: profile file, then a JSON object of what to do.
"""

import json
import sys
from typing import Any

import delta_sharing


def said(frame: Any) -> Any:
    return json.loads(frame.to_json(orient="records", date_format="iso", date_unit="us"))


def main() -> None:
    profile, asked = sys.argv[1], json.loads(sys.argv[2])
    client = delta_sharing.SharingClient(profile)
    found = {"tables": [f"{each.share}.{each.schema}.{each.name}" for each in client.list_all_tables()]}
    for name, how in asked.items():
        kind, url = how.pop("do"), f"{profile}#{how.pop('table')}"
        try:
            if kind == "load":
                found[name] = said(delta_sharing.load_as_pandas(url, **how))
            elif kind == "changes":
                found[name] = said(delta_sharing.load_table_changes_as_pandas(url, **how))
            elif kind == "version":
                found[name] = delta_sharing.get_table_version(url, **how)
            elif kind == "arrow":
                import pyarrow as pa

                found[name] = str(pa.Table.from_pandas(delta_sharing.load_as_pandas(url, **how)).num_rows)
        except Exception as fault:
            found[name] = {"fault": f"{type(fault).__name__}: {fault}"[:500]}
    sys.stdout.write("\n" + json.dumps(found, ensure_ascii=False))


main()
