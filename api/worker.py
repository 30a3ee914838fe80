"""The worker process and its keeper."""

from __future__ import annotations

from core.settings import Settings


class Keeper:
    """Starts the worker process and starts it again when it dies."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def start(self) -> None: ...

    def stop(self) -> None: ...
