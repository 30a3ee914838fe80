"""Routes that read their signature when they are first needed.

Reading the parameters, dependencies and models of a thousand routes takes about half of the time in which the service
starts, and a command of one request needs one of them. Here a route knows its address and methods at once; everything else
is made, once, when somebody asks for it: the first request, the OpenAPI document, a test.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from threading import RLock
from typing import Any, Final

import fastapi
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.routing import compile_path, get_name

from api.bodies import demand_text
from api.versions import guarded

_MAKING: Final = RLock()


class LateRoute(APIRoute):
    """An `APIRoute` whose parts beyond its address are made at first use."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **given: Any) -> None:  # noqa: ANN401
        self.path, self.endpoint = path, endpoint
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)
        self.methods = {method.upper() for method in given["methods"] or ["GET"]}
        self.name = given["name"] or get_name(endpoint)
        self.include_in_schema = given["include_in_schema"]
        self.openapi_extra = given["openapi_extra"]
        self._given: dict[str, Any] | None = given

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As FastAPI's, once the body is text that can be kept."""
        handler = super().get_route_handler()

        async def with_text(request: Request) -> Response:
            if self.body_field is not None:
                await demand_text(request)
            return await handler(request)

        return with_text

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever an APIRoute has
        """Called for what is not there yet."""
        with _MAKING:
            given = self.__dict__.get("_given")
            if given is not None:
                super().__init__(self.path, guarded(self.endpoint, self.path, self.methods or set()), **given)
                self._given = None
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(name) from None


class APIRouter(fastapi.APIRouter):
    """A router of late routes."""

    def __init__(self, *, route_class: type[APIRoute] = LateRoute, **given: Any) -> None:  # noqa: ANN401
        super().__init__(route_class=route_class, **given)
