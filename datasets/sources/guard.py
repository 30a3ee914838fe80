"""Which machines a source may be fetched from, judged on the very address that is connected to.

Why this exists: whoever may name an address could make the service ask its own neighbours (SSRF): loopback, the private
network, a cloud's metadata. A name that is harmless when it is looked at can stand for another address a moment later
(DNS rebinding), and numbers can be written in many ways. So nothing is judged by how it is written: the name is resolved
once, every address it stands for must pass, and the connection goes to one of those addresses and to no other.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

from core.errors import InputRefused, Reason, Unavailable
from core.text import Text

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], list[str]]

BASIS: Final = "允许访问的地址（docs/sources.md）· addresses that may be reached (docs/sources.md)"

# IANA's registries of special-purpose addresses (RFC 6890 and after). Of IPv6 only 2000::/3 is given out for the public.
_V4_CLOSED: Final = tuple(
    (IPv4Network(net), Text(zh, en))
    for net, zh, en in (
        ("0.0.0.0/8", "本网络", "this network"),
        ("10.0.0.0/8", "私有网络", "private"),
        ("100.64.0.0/10", "运营商级 NAT", "carrier-grade NAT"),
        ("127.0.0.0/8", "本机回环", "loopback"),
        ("169.254.0.0/16", "链路本地", "link-local"),
        ("172.16.0.0/12", "私有网络", "private"),
        ("192.0.0.0/24", "协议保留", "reserved for protocols"),
        ("192.0.2.0/24", "文档示例", "documentation"),
        ("192.88.99.0/24", "6to4 中继", "6to4 relay"),
        ("192.168.0.0/16", "私有网络", "private"),
        ("198.18.0.0/15", "性能测试", "benchmarking"),
        ("198.51.100.0/24", "文档示例", "documentation"),
        ("203.0.113.0/24", "文档示例", "documentation"),
        ("224.0.0.0/4", "组播", "multicast"),
        ("240.0.0.0/4", "保留", "reserved"),
    )
)
_V6_OPEN: Final = IPv6Network("2000::/3")
_V6_CLOSED: Final = tuple(
    (IPv6Network(net), Text(zh, en))
    for net, zh, en in (
        ("2001::/23", "协议保留（含 Teredo）", "reserved for protocols (Teredo among them)"),
        ("2001:db8::/32", "文档示例", "documentation"),
        ("2002::/16", "6to4 隧道", "6to4 tunnel"),
        ("3fff::/20", "文档示例", "documentation"),
    )
)
_V6_NAMED: Final = tuple(
    (IPv6Network(net), Text(zh, en))
    for net, zh, en in (
        ("::/128", "未指定", "unspecified"),
        ("::1/128", "本机回环", "loopback"),
        ("::ffff:0:0/96", "IPv4 映射", "IPv4-mapped"),
        ("64:ff9b::/96", "NAT64", "NAT64"),
        ("64:ff9b:1::/48", "NAT64", "NAT64"),
        ("fc00::/7", "私有网络", "private"),
        ("fe80::/10", "链路本地", "link-local"),
        ("ff00::/8", "组播", "multicast"),
    )
)
_RESERVED: Final = Text("保留", "reserved")
# What a listed host name may stand for besides the public: the networks of a house.
_IN_HOUSE: Final[tuple[Network, ...]] = tuple(
    ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
# Whoever reaches these gets a machine's own credentials; no list opens them.
_NEVER: Final = frozenset(
    ip_address(text)
    for text in ("169.254.169.254", "169.254.170.2", "169.254.0.23", "100.100.100.200", "168.63.129.16",
                 "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the installation lists: host names that may stand for addresses of the house, and whole networks."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, listed: str) -> Allowed:
        """Read `files.bureau.local, 10.20.0.0/16`. A word that is no network is a host name."""
        hosts, networks = set(), []
        for word in filter(None, (part.strip() for part in listed.split(","))):
            try:
                networks.append(ip_network(word, strict=False))
            except ValueError:
                if "/" in word:
                    raise Unavailable(
                        Text(
                            f"设置 DATAGRANT_SOURCE_ALLOW 中的“{word}”不是网段；请管理员更正。",
                            f"“{word}” in the setting DATAGRANT_SOURCE_ALLOW is no network; the administrator must correct it.",
                        )
                    ) from None
                hosts.add(_plain(word))
        return cls(frozenset(hosts), tuple(networks))


def lookup(host: str, port: int) -> list[str]:
    """The addresses that the system's resolver gives for a name now."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def vetted(host: str, port: int, allowed: Allowed, resolve: Resolve = lookup) -> tuple[str, ...]:
    """The addresses that `host` stands for, resolved once, each of which may be reached.

    Raises InputRefused when one of them may not: a name that mixes the two is no mistake. Unavailable when there is none.
    """
    try:
        found = resolve(host, port)
    except (OSError, UnicodeError):
        found = []
    if not found:
        raise Unavailable(
            Text(
                f"域名 {host} 查不到地址；请核对地址或稍后再试。",
                f"The name {host} stands for no address; check it, or try again later.",
            )
        )
    for text in found:
        if (why := closed(text, host, allowed)) is not None:
            said = Text(
                f"{host} 指向 {text}（{why.zh}），来源不得访问这样的地址；内部系统请由管理员列入 DATAGRANT_SOURCE_ALLOW。",
                f"{host} stands for {text} ({why.en}), which sources may not reach; the administrator lists systems of the house in DATAGRANT_SOURCE_ALLOW.",
            )
            raise InputRefused(said, reasons=[Reason("address-not-public", said, BASIS)])
    return tuple(found)


def closed(text: str, host: str, allowed: Allowed) -> Text | None:
    """Why an address may not be reached; None when it may."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return Text("不是 IP 地址", "no IP address")
    faces = tuple(_faces(address))
    if not _NEVER.isdisjoint(faces):
        return Text("云平台元数据", "cloud metadata")
    if "%" in text:
        return Text("链路本地", "link-local")
    if (why := _special(address)) is None:
        return None
    # An address that carries another one is judged by what it carries as well as by itself.
    if any(face in net for face in faces for net in allowed.networks if net.version == face.version):
        return None
    if _plain(host) in allowed.hosts and any(
        face in net for face in faces for net in _IN_HOUSE if net.version == face.version
    ):
        return None
    return why


def _special(address: Address) -> Text | None:
    """What kind of non-public address it is; None for a public one."""
    if isinstance(address, IPv4Address):
        return next((why for net, why in _V4_CLOSED if address in net), None)
    named = next((why for net, why in (*_V6_CLOSED, *_V6_NAMED) if address in net), None)
    return named or (None if address in _V6_OPEN else _RESERVED)


def _faces(address: Address) -> Iterator[Address]:
    """The address, and the IPv4 address it carries inside (mapped, compatible, NAT64, 6to4)."""
    yield address
    if isinstance(address, IPv4Address):
        return
    number = int(address)
    if address.sixtofour is not None:
        yield address.sixtofour
    if number >> 32 in (0, 0xFFFF, 0x64FF9B << 64):
        yield IPv4Address(number & 0xFFFFFFFF)


def _plain(host: str) -> str:
    return host.strip().rstrip(".").casefold()
