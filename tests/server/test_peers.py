from __future__ import annotations

from nikdev_iot.server.peers import network_of


def test_clients_are_told_apart_by_what_one_customer_gets():
    assert network_of("192.0.2.7") == "192.0.2.7"
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::9")
    assert network_of("2001:db8:1:2::9") != network_of("2001:db8:1:3::9")
    assert network_of("fe80::1%eth0") == "fe80::/64"
    assert network_of("a:b") == "a:b"
    assert not network_of("")


def test_an_ipv4_client_is_the_same_by_either_name():
    assert network_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert network_of("::ffff:192.0.2.7") != network_of("::ffff:192.0.2.8")
