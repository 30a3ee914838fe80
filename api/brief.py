"""A server for the length of one command.

Why this exists: uvicorn looks ten times a second whether it is to end, and then waits a tenth of a second more. A command that
asks one question would spend most of its time on that.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Final

import uvicorn

_GLANCE_SECONDS: Final = 0.002
"""How often the end looks whether the last connection is closed."""


class BriefServer(uvicorn.Server):
    """Ends at once when told to by another thread."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()

    def end(self) -> None:
        """From another thread: answer what was asked, then end."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # it ended by itself a moment ago
                self._loop.call_soon_threadsafe(self._told.set)

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for each in sockets or []:
            each.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while self.server_state.connections or self.server_state.tasks:
            await asyncio.sleep(_GLANCE_SECONDS)
