"""Reading granted data as a table, from a program: the right is asked each time, bytes are fetched once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from api.client import DEFAULT_DIR, Api, Refused, opened
from api.reader.cache import Cache
from api.reader.choosing import Choice, choose
from api.reader.conditions import Where, tree_of
from api.reader.faults import NotReady, Refusal, Unreachable
from api.reader.fetching import file_of
from api.reader.tables import table_of
from core.errors import AppError

__all__ = ["Choice", "NotReady", "Refusal", "Unreachable", "grants", "read", "read_with"]
Kind = Literal["pandas", "arrow"]
_PROFILE: Final = (
    "This is a reading profile, which Delta Sharing's clients open; give the text of a key of the grant, made on the grant's page or by `datagrant grant key-make`. "
    "这是读取配置文件，供 Delta Sharing 客户端打开；请给出授权密钥的文本（在授权页或以 `datagrant grant key-make` 创建）。"
)


def read(
    dataset: str, columns: Sequence[str] | None = None, where: Where = None, *, grant: str | None = None,
    purpose: str | None = None, release: int | None = None, kind: Kind = "pandas", progress: bool | None = None,
    server: str | None = None, token: str | None = None, data_dir: str | Path | None = None, user: str | None = None,
    cache: str | Path | None = None,
) -> Any:  # fmt: skip  # noqa: ANN401 - a DataFrame or an Arrow table
    """The rows of `dataset` that one of your grants gives you: a pandas DataFrame, or with `kind="arrow"` an Arrow table.

    columns: which, in this order; None means all that the grant gives.
    where: `[("rooms", ">", 10), ("district", "in", ["大鹏", "葵涌"])]`, all of which must hold, or a filter as the service takes it.
    grant, purpose: needed only where several would do. release: its number; None means the current one.
    progress: a bar on stderr; None means where stderr is a terminal. cache: the folder that keeps files between calls.

    Raises Refusal, which says for each grant what it lacks; NotReady while the file waits for its output review; Unreachable.
    """
    with _opened(server, token, data_dir, user) as api:
        return read_with(
            api, dataset, columns, where, grant=grant, purpose=purpose, release=release, kind=kind, progress=progress,
            cache=Cache.at(cache),
        )  # fmt: skip


def grants(
    dataset: str | None = None, *, server: str | None = None, token: str | None = None,
    data_dir: str | Path | None = None, user: str | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Your grants, with the columns, purposes and quotas of each."""
    with _opened(server, token, data_dir, user) as api:
        found: list[dict[str, Any]] = api.get("/grants", dataset_id=dataset, limit=200)["items"]
        return found


def read_with(
    api: Api, dataset: str, columns: Sequence[str] | None = None, where: Where = None, *, grant: str | None = None,
    purpose: str | None = None, release: int | None = None, kind: Kind = "pandas", progress: bool | None = None,
    cache: Cache | None = None,
) -> Any:  # fmt: skip  # noqa: ANN401
    """`read` over a way that is open already."""
    kept = cache or Cache.at(None)
    choice = choose(api, dataset, list(columns or ()), tree_of(where), grant, purpose, release, kept)
    path = file_of(api, choice, kept, progress=progress)
    table = table_of(path, choice)
    return table if kind == "arrow" else table.to_pandas()


@contextmanager
def _opened(
    server: str | None, token: str | None, data_dir: str | Path | None, user: str | None
) -> Iterator[Api]:
    named = os.environ.get
    at = server if server is not None else "" if data_dir is not None else named("DATAGRANT_SERVER", "")
    folder = Path(data_dir or named("DATAGRANT_DATA_DIR", str(DEFAULT_DIR)))
    who = user if user is not None else "" if at else named("DATAGRANT_USER", "")
    key = token if token is not None else named("DATAGRANT_TOKEN", "")
    if key.lstrip().startswith("{") or key.endswith(".share"):
        raise Refusal(_PROFILE)
    try:
        with opened(folder, at, key, who) as api:
            yield api
    except Refused as refused:
        raise Refusal.of(refused.problem) from None
    except ConnectionError as fault:
        raise Unreachable(f"{at}: {fault} 无法连接服务，请检查地址与服务是否在运行。") from None
    except AppError as refused:
        raise Refusal(refused.detail.en) from None
