"""The command line's way to the service: the same HTTP routes, over the network or inside this process.

With `--server` and a token it speaks to a running service. Without, it opens the data directory itself, serves the same app
on a private Unix socket for the length of the command, and acts as the person named by `--as` (whoever may read the
directory already holds its keys).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Final

import typer

from api.listing import left
from api.starting import building
from core.errors import AppError

if TYPE_CHECKING:
    import httpx2
    import uvicorn

    from api.house import House
    from core.text import Lang

DataDir = Annotated[
    Path, typer.Option("--data-dir", envvar="DATAGRANT_DATA_DIR", help="Directory of the installation")
]
Server = Annotated[
    str, typer.Option("--server", envvar="DATAGRANT_SERVER", help="Address of a running service")
]
Token = Annotated[
    str, typer.Option("--token", envvar="DATAGRANT_TOKEN", help="API key or access token for --server")
]
As = Annotated[
    str, typer.Option("--as", envvar="DATAGRANT_USER", help="Act as this person (local directory only)")
]
Otp = Annotated[
    str,
    typer.Option(
        "--otp", envvar="DATAGRANT_OTP", help="Second factor: 6 digits of your app, or a recovery code"
    ),
]
_refuse_in_json: ContextVar[bool] = ContextVar("refuse_in_json", default=False)
_on_record: ContextVar[str] = ContextVar("on_record", default="")

PIPED_WIDTH: Final = 200
"""Columns of a table that goes into a file or another program."""


def _heed_json(asked: bool) -> bool:
    _refuse_in_json.set(asked)
    return asked


Json = Annotated[bool, typer.Option("--json", callback=_heed_json, help="Print JSON instead of a table")]

DEFAULT_DIR = Path("data")


def read_json(file: Path) -> Any:  # noqa: ANN401 - JSON
    """A document from a file; what cannot be read is told in words."""
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as fault:
        raise typer.BadParameter(f"{file}: {fault}") from None


class Refused(Exception):
    """The service said no; `problem` is its RFC 9457 document."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(str(problem.get("detail", problem)))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Api:
    """An open way to the service. Paths are relative to `/api/v1`."""

    http: httpx2.Client
    data_dir: Path | None

    def get(self, path: str, **params: object) -> Any:  # noqa: ANN401 - JSON
        """`params`: None is left out, a list is its values one by one."""
        kept = {
            key: [str(each) for each in value] if isinstance(value, list) else str(value)
            for key, value in params.items()
            if value is not None
        }
        return _body(self.http.get(f"/api/v1{path}", params=kept))

    def text(self, path: str) -> str:
        """GET what is no JSON."""
        answer = self.http.get(f"/api/v1{path}")
        if answer.status_code >= 400:
            _body(answer)
        return answer.text

    def post(self, path: str, body: object = None, **params: object) -> Any:  # noqa: ANN401
        kept = {key: str(value) for key, value in params.items() if value is not None}
        return _body(self.http.post(f"/api/v1{path}", json=body, params=kept))

    def step(self, path: str, body: object = None, *, how: str = "POST", of: str = "") -> Any:  # noqa: ANN401
        """Take a step on the record at `of` (else the address above), naming the version that is there now."""
        seen = {"If-Match": f'"{self.get(of or path.rpartition("/")[0])["version"]}"'}
        return _body(self.http.request(how, f"/api/v1{path}", json=body, headers=seen))

    def put(self, path: str, body: object = None, **headers: str) -> Any:  # noqa: ANN401
        return _body(self.http.put(f"/api/v1{path}", json=body, headers=headers))

    def patch(self, path: str, body: object = None, **headers: str) -> Any:  # noqa: ANN401
        return _body(self.http.patch(f"/api/v1{path}", json=body, headers=headers))

    def delete(self, path: str) -> Any:  # noqa: ANN401
        return _body(self.http.delete(f"/api/v1{path}"))

    def upload(self, path: str, file: Path, **params: object) -> Any:  # noqa: ANN401
        """POST the file's bytes as they are, streamed; its name goes as query parameter `name`."""
        kept = {key: str(value) for key, value in params.items() if value is not None}
        with file.open("rb") as source:
            chunks: Iterable[bytes] = iter(lambda: source.read(1024 * 1024), b"")
            headers = {"Content-Type": "application/octet-stream"}
            return _body(
                self.http.post(
                    f"/api/v1{path}", content=chunks, params={"name": file.name} | kept, headers=headers
                )
            )

    def send(self, path: str, body: bytes | IO[bytes]) -> Any:  # noqa: ANN401
        """POST bytes as they are; a file piece by piece."""
        headers = {"Content-Type": "application/octet-stream"}
        return _body(self.http.post(f"/api/v1{path}", content=body, headers=headers))

    def download(self, path: str, to: Path) -> Path:
        """GET into a file: written beside it first, then moved into place."""
        return self._into(to, "GET", path)

    def fetch_by_post(self, path: str, to: Path) -> Path:
        """POST what makes a file, and keep the file."""
        return self._into(to, "POST", path)

    def _into(self, to: Path, method: str, path: str) -> Path:
        demand_room_for(to)
        partial = to.with_name(to.name + ".part")
        with self.http.stream(method, f"/api/v1{path}") as answer:
            if answer.status_code >= 400:
                answer.read()
                _body(answer)
            with partial.open("wb") as out:
                for chunk in answer.iter_bytes():
                    out.write(chunk)
        partial.replace(to)
        return to

    def wait(self, job_id: str, *, quiet: bool = False) -> dict[str, Any]:
        """Follow a job to its end with a progress bar; starts a worker when the directory is local and none is alive."""
        from rich.console import Console
        from rich.progress import Progress

        if self.data_dir is not None:
            from api.worker import ensure_worker

            ensure_worker(self.data_dir)
        with Progress(console=Console(stderr=True), disable=quiet, transient=True) as bar:
            task = bar.add_task("…", total=1.0)
            while True:
                job: dict[str, Any] = self.get(f"/jobs/{job_id}")
                bar.update(task, completed=job["progress"], description=job["message_en"] or job["kind"])
                if job["state"] in ("done", "failed", "cancelled"):
                    return job
                time.sleep(0.2)


def on_record() -> str:
    """The events that the last answer named as what stands on record of the command (`Audit-Event`); "" where it named none."""
    return _on_record.get()


def _body(answer: httpx2.Response) -> Any:  # noqa: ANN401
    _on_record.set(answer.headers.get("audit-event", ""))
    if answer.status_code < 400:
        return answer.json() if answer.content else None
    try:
        problem = answer.json()
    except json.JSONDecodeError:
        problem = {"title": "error", "status": answer.status_code, "detail": answer.text[:500]}
    raise Refused(problem)


@contextmanager
def connect(
    data_dir: Path, server: str = "", token: str = "", user: str = "", otp: str = ""
) -> Iterator[Api]:
    """Open the way; `otp` goes along with every request. A refusal inside ends the command with one clear sentence per reason on stderr and exit code 1."""
    try:
        with opened(data_dir, server, token, user, otp) as api:
            yield api
    except Refused as refused:
        say_refused(refused.problem)
        raise typer.Exit(1) from None
    except BrokenPipeError:  # whoever read our output has stopped reading
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except ConnectionError as fault:
        detail = f"{server or data_dir}: {fault} 无法连接服务，请检查地址与服务是否在运行。"
        say_refused({"title": "No answer", "detail": detail})
        raise typer.Exit(1) from None
    except AppError as refused:  # before the service was reached: no such user, no such directory
        say_refused({"title": refused.title.en, "detail": refused.detail.en})
        raise typer.Exit(1) from None


@contextmanager
def opened(data_dir: Path, server: str = "", token: str = "", user: str = "", otp: str = "") -> Iterator[Api]:
    """The way itself, for programs: what goes wrong is raised as Refused, ConnectionError or AppError."""
    if server:
        _demand_no_name(user)
        with _client(base_url=server, token=token) as http, _reached():
            http.headers.update({"X-OTP": otp} if otp else {})
            yield Api(http, None)
    else:
        with _local(data_dir, user) as http:
            http.headers.update({"X-OTP": otp} if otp else {})
            yield Api(http, data_dir)


@contextmanager
def _reached() -> Iterator[None]:
    """The network's own faults, as one kind."""
    import httpx2

    try:
        yield
    except httpx2.TransportError as fault:
        raise ConnectionError(f"{type(fault).__name__}: {fault}") from None


def demand_room_for(out: Path | None) -> None:
    """Refuse a file that could not be written, before anything is asked for or charged."""
    if out is not None and (out.is_dir() or not out.absolute().parent.is_dir()):
        detail = f"{out}: the folder does not exist, or this is a folder 文件夹不存在或这是文件夹; name a file in a folder that exists"
        raise Refused({"title": "Cannot write", "detail": detail})


def _demand_no_name(user: str) -> None:
    if user:
        detail = "--as (DATAGRANT_USER) acts in a local directory only 只用于本机目录; with --server say who you are by --token"
        raise Refused({"title": "Cannot act as another", "detail": detail})


def say_refused(problem: dict[str, Any]) -> None:
    """On stderr: one sentence, then every reason with its rule; the problem document itself under `--json`."""
    if _refuse_in_json.get():
        print(json.dumps(problem, ensure_ascii=False), file=sys.stderr)
        return
    print(f"{problem.get('title', '')}: {problem.get('detail', '')}", file=sys.stderr)
    for reason in problem.get("reasons", []):
        print(f"  - {reason['text']}  [{reason['code']}; {reason['basis']}]", file=sys.stderr)


def language() -> Lang:
    """The language of the terminal: English where it says so, else Chinese."""
    told = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    return "en" if told.lower().startswith("en") else "zh"


def _client(token: str, **how: Any) -> httpx2.Client:  # noqa: ANN401
    import httpx2

    headers = {"Accept-Language": language()} | ({"Authorization": f"Bearer {token}"} if token else {})
    return httpx2.Client(headers=headers, timeout=600, **how)


@contextmanager
def _local(data_dir: Path, user: str) -> Iterator[httpx2.Client]:
    with building():
        from api.addressed import addressed
        from api.house import open_house
        from core.settings import Settings

    settings = addressed(Settings(data_dir=data_dir, worker=False))
    if settings.database_url is None and not (data_dir / "datagrant.db").exists():
        detail = f"{data_dir}: no installation here 此目录不是安装目录; begin one with datagrant init or datagrant demo, or check --data-dir"
        raise Refused({"title": "Not found", "detail": detail})
    with building():
        house = open_house(settings)
    try:
        with in_process(house) as client, client(user) as http:
            yield http
    finally:
        house.engine.dispose()


@contextmanager
def in_process(house: House) -> Iterator[Callable[[str], httpx2.Client]]:
    """Serve the app on a private Unix socket; gives a maker of clients, each acting as one person (`""`: a visitor)."""
    import httpx2

    with building():
        import uvicorn

        from api.app import create_app
        from api.brief import BriefServer
        from api.identity import local_token

        app = create_app(house=house)
    with tempfile.TemporaryDirectory(prefix="dg-") as room:
        socket = f"{room}/s"
        server = BriefServer(uvicorn.Config(app, uds=socket, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        _until_started(server, thread)

        def client(user: str) -> httpx2.Client:
            token = local_token(house, user) if user else ""
            # not encrypted, so no authorities to load
            way = httpx2.HTTPTransport(uds=socket, verify=False)
            return _client(token, base_url="http://datagrant", transport=way)

        try:
            yield client
        finally:
            server.end()
            thread.join(10)


def _until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + 30
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the local service did not start")
        time.sleep(0.01)


def show(value: Any, as_json: bool, columns: Iterable[str] = ()) -> None:  # noqa: ANN401
    """Print a JSON value: as JSON, or as a table of `columns` (rows) or of its keys (one object), headed in the reader's language.

    On stderr, where it is a page of a list: what is left, and the option that goes on.
    """
    _print(value, as_json, columns)
    if rest := left(value):
        sys.stdout.flush()
        print(rest.in_(language()), file=sys.stderr)


def _print(value: Any, as_json: bool, columns: Iterable[str]) -> None:  # noqa: ANN401
    if as_json:
        print(json.dumps(value, ensure_ascii=False, indent=2, default=str))
        return
    from rich.console import Console
    from rich.table import Table

    from api.heads import head, in_one_language

    lang = language()
    rows = (
        value
        if isinstance(value, list)
        else value.get("items")
        if isinstance(value, dict) and "items" in value
        else None
    )
    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    if rows is None:
        table = Table(show_header=False)
        kept = in_one_language(value, value, lang)
        for key in kept:
            entry = value[key]
            table.add_row(
                head(key, lang),
                entry if isinstance(entry, str) else json.dumps(entry, ensure_ascii=False, default=str),
            )
    else:
        held = list(rows[0]) if rows else []
        wanted = in_one_language(list(columns) or held, held, lang)
        table = Table()
        for name in wanted:  # an id is there to be copied: it is never cut
            whole = name == "id" or name.endswith("_id")
            table.add_column(
                head(name, lang),
                no_wrap=whole,
                min_width=max((len(str(row.get(name) or "")) for row in rows), default=1) if whole else None,
            )
        for row in rows:
            table.add_row(*[str(row.get(name, "") if row.get(name) is not None else "") for name in wanted])
    console.print(table)
