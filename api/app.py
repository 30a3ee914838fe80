"""The FastAPI app: finds its routes and pages, wires the house, and decides nothing."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import contract, cut_lines, errors, pages, routes
from api.asking import Asked
from api.bodies import BodyGuard
from api.house import House, open_house
from api.identity import take_back_session
from api.once import Once
from api.receipts import Receipts
from api.signpost import Signpost
from api.version import version
from api.visits import visits_of
from auth.actor import ANYONE
from core.errors import Unavailable
from core.ground import GONE
from core.settings import Settings

V1: Final = "/api/v1"


def routers(package: ModuleType) -> list[APIRouter]:
    """The `router` of every module in the package, in name order."""
    names = sorted(found.name for found in pkgutil.iter_modules(package.__path__))
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    return [module.router for module in modules if hasattr(module, "router")]


class SafeHeaders:
    """Adds the security headers to every answer; plain ASGI, so that streams stay streams."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in errors.SAFE_HEADERS.items():
                    headers.setdefault(name, value)
                if scope.get("state", {}).get("is_stale_cookie"):
                    take_back_session(headers)
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


class OnGround:
    """Refuses every request in words once the data directory or the database is gone: nothing is looked up, and no key is made anew, in its place."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        house: House | None = getattr(scope["app"].state, "house", None) if scope["type"] == "http" else None
        if house is None or house.ground.gone() is None or scope["path"].startswith("/static/"):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        request.state.actor = ANYONE  # the page must not look for whoever reads it
        await (await errors.on_app_error(request, Unavailable(GONE)))(scope, receive, send)


class VersionedFiles(StaticFiles):
    """Static files. An address that carries its content's version (`?v=`) may be kept for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        kept = b"v=" in scope.get("query_string", b"") and answer.status_code == 200
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable" if kept else "no-cache"
        return answer


def create_app(settings: Settings | None = None, *, house: House | None = None) -> FastAPI:
    """The app over one house. Give `house` to share an engine or a test clock; its worker is then yours to run."""
    opened = house or open_house(settings or Settings())

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        from api.worker import Keeper

        keeper = Keeper(opened.settings) if opened.settings.worker and house is None else None
        if keeper:
            keeper.start()
        visits = visits_of(opened)
        visits.serve(opened)
        try:
            yield
        finally:
            await run_in_threadpool(visits.stop)
            if keeper:
                keeper.stop()

    app = FastAPI(title="Datagrant 数授", version=version(), lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.house = opened
    errors.install(app)
    contract.install(app)
    cut_lines.install()
    app.add_middleware(Receipts)
    app.add_middleware(Once)
    app.add_middleware(BodyGuard)
    app.add_middleware(OnGround)
    app.add_middleware(SafeHeaders)
    app.add_middleware(Asked)
    app.router = Signpost(routes=app.router.routes, lifespan=lifespan, dependency_overrides_provider=app)
    # routes are taken over as they are: including a router would read every signature again at the first request
    for router in routers(routes):
        if not router.prefix.startswith(V1):
            raise ValueError(f"the prefix of the routes {router.tags} must begin with {V1}")
        app.router.routes.extend(router.routes)
    for router in routers(pages):
        app.router.routes.extend(router.routes)
    dist = Path(__file__).parent / "static" / "dist"
    app.mount("/static", VersionedFiles(directory=dist, check_dir=False), name="static")
    return app
