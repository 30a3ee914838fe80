"""Granted data in the analyst's own program.

    import datagrant
    frame = datagrant.read("DP-PK-002", columns=["lot_id", "free"], where=[("district", "==", "大鹏")])

The service is named by `server` and `token`, or by DATAGRANT_SERVER and DATAGRANT_TOKEN; without them by a directory on this machine
(`data_dir`, DATAGRANT_DATA_DIR) as the person `user` (DATAGRANT_USER). See docs/client.md.
"""

from __future__ import annotations

from api.reader import NotReady, Refusal, Unreachable, grants, read

__all__ = ["NotReady", "Refusal", "Unreachable", "grants", "read"]
