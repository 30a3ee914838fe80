"""The guard of addresses: however a private machine is written, and whenever its name changes, it is not reached."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputRefused, Unavailable
from datasets.sources.guard import Allowed, closed, lookup, vetted
from datasets.sources.http import HttpConfig, address_fault

NOBODY = Allowed()
PUBLIC = [
    "8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
    "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.167.255.255",
    "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700:4700::1111", "2400:3200::1", "240e::1",
    "2001:4860:4860::8888", "2001:200::1",
]  # fmt: skip
CLOSED = [
    "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1",  # noqa: S104
    "127.255.255.254", "169.254.0.1", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.8", "192.0.2.1",
    "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16", "100.100.100.200",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::ffff:7f00:1", "::127.0.0.1", "::7f00:1",
    "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1", "3fff::1",
    "4000::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fdff::1", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "ff02::1",
    "ff0e::1", "2606:4700::1%eth0", "not-an-address", "",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_reached(address: str) -> None:
    assert closed(address, "data.example.org", NOBODY) is None


@pytest.mark.parametrize("address", CLOSED)
def test_everything_else_may_not(address: str) -> None:
    assert closed(address, "data.example.org", NOBODY) is not None


@given(st.ip_addresses(v=4))
def test_an_ipv6_form_opens_nothing_that_its_ipv4_address_does_not(address: IPv4Address) -> None:
    number = int(address)
    for form in (
        f"::ffff:{address}",
        f"::{address}",
        f"64:ff9b::{address}",
        f"2002:{number >> 16:x}:{number & 65535:x}::1",
    ):
        assert closed(form, "x", NOBODY) is not None


@given(st.ip_addresses())
def test_what_python_calls_private_is_closed_here_too(address: object) -> None:
    if not address.is_global:  # type: ignore[attr-defined]
        assert closed(str(address), "x", NOBODY) is not None


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "017700000001", "127.1", "127.0.1", "0",
     "localhost", "[::1]".strip("[]"), "::ffff:127.0.0.1", "0:0:0:0:0:0:0:1"],
)  # fmt: skip
def test_the_systems_own_resolver_cannot_be_talked_into_loopback(host: str) -> None:
    with pytest.raises((InputRefused, Unavailable)):
        vetted(host, 80, NOBODY, lookup)


@pytest.mark.parametrize(
    "host", ["2130706433", "0177.0.0.1", "0x7f.1", "127.1", "0", "1.2.3", "08.8.8.8", "1.2.3.4."]
)
def test_hosts_written_as_odd_numbers_are_refused_when_they_are_typed(host: str) -> None:
    assert address_fault(f"http://{host}/x") is not None


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org/x", "file:///etc/passwd", "//example.org/x", "http:///x", "example.org/x", "http://a b/x",
     "http://user:pw@example.org/", "http://user@example.org/", "http://example.org@10.0.0.1/", "http://exa\tmple.org/",
     "http://example.org\\@10.0.0.1/", "http://example.org/x#y", "http://{secret}.example.org/", "http://例子.测试/",
     "http://example.org:0/", "http://example.org:99999/", "http://[::1/x", "gopher://example.org/", "HTTP//example.org"],
)  # fmt: skip
def test_addresses_that_are_no_plain_web_address_are_refused(url: str) -> None:
    assert address_fault(url) is not None
    with pytest.raises(ValueError, match="/"):
        HttpConfig(kind="http", url=url)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "https://example.org:8443/a/b.csv?x=1&key={secret}",
        "http://10.0.0.1/x",
        "http://[2606:4700::1]/x",
    ],
)
def test_plain_addresses_are_taken(url: str) -> None:
    assert address_fault(url) is None


def test_a_name_that_mixes_public_and_private_is_refused_whole() -> None:
    with pytest.raises(InputRefused) as refused:
        vetted("mixed.example.org", 80, NOBODY, lambda host, port: ["8.8.8.8", "10.0.0.1"])
    assert "10.0.0.1" in refused.value.detail.en
    assert [reason.code for reason in refused.value.reasons] == ["address-not-public"]


def test_the_name_is_resolved_once_and_its_answer_is_what_is_connected_to() -> None:
    answers = iter([["8.8.8.8", "1.1.1.1"], ["127.0.0.1"]])
    assert vetted("turns.example.org", 80, NOBODY, lambda host, port: next(answers)) == ("8.8.8.8", "1.1.1.1")
    with pytest.raises(InputRefused):
        vetted("turns.example.org", 80, NOBODY, lambda host, port: next(answers))


def test_a_name_without_address_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        vetted("nowhere.invalid", 80, NOBODY, lambda host, port: [])


def test_a_listed_host_may_be_in_house_but_is_never_loopback_or_metadata() -> None:
    listed = Allowed.parse("Files.Bureau.local., 10.20.0.0/16")
    assert closed("192.168.3.4", "files.bureau.local", listed) is None
    assert closed("fd12::1", "FILES.bureau.local", listed) is None
    assert closed("::ffff:192.168.3.4", "files.bureau.local", listed) is None
    for address in (
        "127.0.0.1",
        "::1",
        "169.254.1.1",
        "169.254.169.254",
        "224.0.0.1",
        "0.0.0.0",  # noqa: S104 - nothing is bound
        "100.100.100.200",
    ):
        assert closed(address, "files.bureau.local", listed) is not None
    assert closed("192.168.3.4", "files.bureau.local.evil.org", listed) is not None


def test_a_listed_network_opens_itself_and_no_other_and_never_metadata() -> None:
    listed = Allowed.parse("10.20.0.0/16, 127.0.0.1, 169.254.0.0/16, fd00::/8, ::/0")
    assert closed("10.20.255.1", "anything.local", listed) is None
    assert closed("127.0.0.1", "localhost", listed) is None
    assert closed("127.0.0.2", "localhost", listed) is not None
    assert closed("10.21.0.1", "anything.local", listed) is not None
    assert closed("169.254.169.254", "metadata", listed) is not None
    assert closed("fd00:ec2::254", "metadata", listed) is not None
    assert closed("64:ff9b::169.254.169.254", "metadata", listed) is not None
    assert closed("::ffff:169.254.169.254", "metadata", listed) is not None


def test_a_network_that_cannot_be_read_says_so_instead_of_opening_or_closing_silently() -> None:
    assert Allowed.parse("10.20.1.7/16").networks == (ip_network("10.20.0.0/16"),)
    with pytest.raises(Unavailable, match="DATAGRANT_SOURCE_ALLOW"):
        Allowed.parse("10.20.0.0/99")
