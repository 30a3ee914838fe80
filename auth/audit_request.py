"""The request in whose course events are recorded: set once at the edge, read where events are written.

The worker's turns, and programs that open a house themselves, have none.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Final

LOCAL: Final = "local"
"""Where a request comes from that came over no network: this machine's own command."""


@dataclass(frozen=True, slots=True)
class Written:
    """An event that was committed: whose, of what kind, and whether it is about an application or a grant."""

    id: str
    account: str
    kind: str
    is_of_a_case: bool


@dataclass(slots=True)
class Asking:
    """One request: its id, the host that it came from, and the events that its transactions committed, in their order."""

    id: str
    host: str = ""
    written: list[Written] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return network_of(self.host)


ASKING: Final[ContextVar[Asking | None]] = ContextVar("asking", default=None)


def network_of(host: str) -> str:
    """An address shortened so that it names a network and nobody in it: a /24, or a /48 of IPv6; `local` for what is none."""
    try:
        address = ip_address(host)
    except ValueError:
        return LOCAL
    return str(ip_network(f"{address}/{24 if address.version == 4 else 48}", strict=False))
