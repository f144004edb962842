"""Which addresses may be connected to: public ones, and those of the networks that the settings name.

The table is our own rather than `ipaddress.is_global`, whose answer changes between Python's patch releases
and is "yes" for multicast and for several forms that carry an IPv4 address inside. Sources: the IANA
special-purpose registries of IPv4 and IPv6 (RFC 6890 and its updates) and the IPv6 address space registry.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

SPECIAL_IPV4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # "this" network, unspecified
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers (CGNAT); also some clouds' metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a public number that is a cloud's internal control plane
        "169.254.0.0/16",  # link-local; most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays, withdrawn
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)

# Unicast space is given out of 2000::/3 only. Everything outside of it is refused by that: unspecified,
# loopback, IPv4-compatible ::/96, discard 100::/64, local NAT64 64:ff9b:1::/48, segment routing 5f00::/16,
# unique local fc00::/7, link-local fe80::/10, site-local fec0::/10, multicast ff00::/8.
GLOBAL_IPV6 = IPv6Network("2000::/3")
SPECIAL_IPV6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # IETF protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries any IPv4 address, private ones too, and is withdrawn (RFC 7526)
        "3fff::/20",  # documentation
    )
)
NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Whether an address is a public unicast one, the IPv4 address inside an IPv6 one included."""
    address = embedded(address)
    if isinstance(address, IPv4Address):
        return not any(address in network for network in SPECIAL_IPV4)
    return address in GLOBAL_IPV6 and not any(address in network for network in SPECIAL_IPV6)


def embedded(address: Address) -> Address:
    """The IPv4 address that a connection to this address really reaches, else the address itself.

    Mapped addresses (`::ffff:a.b.c.d`) are IPv4 connections of this machine; NAT64 ones (`64:ff9b::a.b.c.d`)
    are how an IPv6-only machine reaches IPv4. All other forms that carry IPv4 are refused whole.
    """
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


class Guard:
    """Decides about addresses: public ones pass, and those in `allow_networks`."""

    def __init__(self, allow_networks: Sequence[Network] = ()) -> None:
        self._allowed = tuple(allow_networks)

    def permits(self, address: str) -> bool:
        """Whether this literal address may be connected to.

        Args:
            address: IPv4 or IPv6 as `getaddrinfo` answers it; a scope (`%eth0`) or anything else that is not
                a plain address is not permitted.
        """
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        if isinstance(parsed, IPv6Address) and parsed.scope_id is not None:
            return False
        reached = embedded(parsed)
        named = any(parsed in network or reached in network for network in self._allowed)
        return named or is_public(parsed)
