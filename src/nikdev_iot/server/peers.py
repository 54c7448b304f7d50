"""Who asks, by address: what counts as one client where rates are held."""

from __future__ import annotations

import ipaddress

__all__ = ["network_of"]


def network_of(peer: str) -> str:
    """Return what stands for one client: an IPv4 address, or the /64 network of an IPv6 one, what one customer gets.

    A listener on both names IPv4 clients by IPv6 addresses (`::ffff:192.0.2.7`); they are told apart all the same.
    """
    if ":" not in peer:
        return peer
    try:
        address = ipaddress.IPv6Address(peer.partition("%")[0])
    except ValueError:
        return peer
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
