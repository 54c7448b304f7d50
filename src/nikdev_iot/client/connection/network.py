"""The steps from the configuration to TLS: does the line to the server, or to the proxy on the way, work?"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from nikdev_iot.client.transport import credential_headers, proxy_of, tls_context
from nikdev_iot.model.clocks import EARLIEST_US
from nikdev_iot.model.errors import ConfigError
from nikdev_iot.model.times import iso

from .amounts import counted, ms_text
from .inquiry import Inquiry
from .line import Line, LineBroken, is_address
from .report import Cause, Step, failed, fine, note, warning

__all__ = ["configuration", "dns", "tcp", "tls"]

_DAY_S = 86_400
_SOON_DAYS = 7
_PORTS = {"http": 80, "https": 443}
_ONLINE = "Check that this device is online: cable or Wi-Fi, router."
_PROXY = "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY in this program's environment."


def configuration(at: Inquiry) -> Step:
    """Is everything there, and of the right form?"""
    url = at.config.base_url
    try:
        at.headers = credential_headers(at.config)
    except ConfigError as error:
        return failed("configuration", error.message, error.hint, Cause.CONFIG, url=url)
    device_id = at.config.checked_device_id()
    return fine(
        "configuration",
        f"server {url}, device {device_id}",
        url=url,
        device_id=device_id,
        timeout_s=at.config.request_timeout_s,
    )


def dns(at: Inquiry) -> Step:
    """Is there an address for the host's name? Behind a proxy: for the proxy's, which looks up the server's itself."""
    at.proxy = proxy_of(at.config.base_url)
    parts = urlsplit(at.proxy or at.config.base_url)
    try:
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 80)
    except ValueError:
        host, port = "", 0
    if not host:
        return failed("dns", "the environment names a proxy whose address cannot be read", _PROXY, Cause.CONFIG)
    at.line = Line(host, port, monotonic=at.monotonic)
    whose = " (the proxy's; it looks up the server's itself)" if at.proxy else ""
    began = at.monotonic()
    try:
        addresses = at.line.look_up(within_s=at.left_s)
    except LineBroken as error:
        return _no_name(host, error, is_proxy=at.proxy is not None)
    took_s = at.monotonic() - began
    if is_address(host):
        return note("dns", f"{host} is an address, there is no name to look up{whose}", addresses=list(addresses))
    shown = ", ".join(addresses[:4]) + (f" and {len(addresses) - 4} more" if len(addresses) > 4 else "")
    return fine(
        "dns",
        f"{host} is {shown}, found in {ms_text(took_s)}{whose}",
        host=host,
        addresses=list(addresses),
        took_ms=round(took_s * 1000, 3),
    )


def _no_name(host: str, error: LineBroken, *, is_proxy: bool) -> Step:
    whose = "proxy" if is_proxy else "host"
    spelling = _PROXY if is_proxy else "Check the spelling in 'baseUrl'."
    if error.where == "no-name":
        found = f"there is no {whose} named {host} ({error.reason})"
        return failed("dns", found, f"{spelling} {_ONLINE}", Cause.UNREACHABLE, host=host)
    if error.where == "timeout":
        found = f"nobody said which address {host} has: {error.reason}"
    else:
        found = f"no name server could be asked for the address of {host} ({error.reason})"
    todo = f"{_ONLINE} If it is, its name server is wrong or down (on Linux: /etc/resolv.conf)."
    return failed("dns", found, todo, Cause.UNREACHABLE, host=host)


def tcp(at: Inquiry) -> Step:
    """Does anything accept a connection there?"""
    line = _line(at)
    began = at.monotonic()
    who = f"the proxy {line.host}, port {line.port}" if at.proxy else f"{line.host}, port {line.port}"
    try:
        connected = line.connect(within_s=at.left_s)
    except LineBroken as error:
        if error.where == "refused":
            found = f"nothing accepts connections at {who} ({error.reason})"
            todo = _PROXY if at.proxy else "Check host and port in 'baseUrl', and that the server is running."
        elif error.where == "timeout":
            found = f"no answer from {who} within {at.config.request_timeout_s:g} s ({error.reason})"
            todo = f"{_ONLINE} If it is, a firewall on the way may swallow what is sent, or the server is switched off."
        else:
            found = f"{who} cannot be reached ({error.reason})"
            todo = _ONLINE
        return failed("tcp", found, todo, Cause.UNREACHABLE, host=line.host, port=line.port)
    took_s = at.monotonic() - began
    found = f"connected to {who}, in {ms_text(took_s)}"
    details = {"address": connected.address, "port": line.port, "took_ms": round(took_s * 1000, 3)}
    details["proxy"] = f"{line.host}:{line.port}" if at.proxy else None
    if at.proxy:
        found += f"; what goes to {urlsplit(at.config.base_url).netloc} goes through it"
    if not connected.silent:
        return fine("tcp", found, **details)
    found += f", by {connected.address}; without success before it: {'; '.join(connected.silent)}"
    todo = "Have the address that does not work mended or taken out of the DNS: every new connection waits for it."
    return warning("tcp", found, todo, silent=list(connected.silent), **details)


def tls(at: Inquiry) -> Step:
    """Who is at the other end, and can anybody listen?"""
    parts = urlsplit(at.config.base_url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        return _without_tls(host)
    if at.proxy and at.proxy.startswith("https:"):
        return note("tls", "the proxy speaks TLS itself; how the server does behind it is seen with the next step")
    line = _line(at)
    began = at.monotonic()
    try:
        if at.proxy:
            line.pass_proxy(host, parts.port or 443, within_s=at.left_s)
        found = line.secure(host, tls_context(), within_s=at.left_s)
    except LineBroken as error:
        return _no_tls(at, host, error)
    took_s = at.monotonic() - began
    left_s = found.expires_s - at.now_us() / 1_000_000
    days = int(left_s // _DAY_S) if left_s < 1e12 else None
    shown = "" if days is None else f", valid for {counted(days, 'more day')}"
    details = {
        "version": found.version,
        "issuer": found.issuer,
        "expires_us": None if days is None else round(found.expires_s * 1_000_000),
        "expires_days": days,
        "took_ms": round(took_s * 1000, 3),
    }
    text = f"{found.version}, certificate of {host} by {found.issuer}{shown}, in {ms_text(took_s)}"
    # Some certificates live for days, and are renewed in the last third.
    if left_s < min(_SOON_DAYS * _DAY_S, (found.expires_s - found.begins_s) / 4):
        todo = "Ask who runs the server to renew it: afterwards no push gets through."
        return warning("tls", f"{text}: it ends soon", todo, **details)
    return fine("tls", text, **details)


def _without_tls(host: str) -> Step:
    if host in {"localhost", "::1"} or (host.startswith("127.") and is_address(host)):
        return note("tls", "not used, and not needed within this machine", version=None)
    found = "not used ('baseUrl' begins with http:): whoever is on the way can read the API key and the values"
    todo = (
        "Where the server has a certificate, write https:// in 'baseUrl'; within a network of your own it is up to you."
    )
    return warning("tls", found, todo, version=None)


def _no_tls(at: Inquiry, host: str, error: LineBroken) -> Step:
    now_us = at.now_us()
    cause = Cause.UNREACHABLE
    own = "For a certificate of your own, name its file in SSL_CERT_FILE."
    if error.where == "proxy":
        found = f"the proxy {at.proxy and urlsplit(at.proxy).hostname} made no connection to {host}: {error.reason}"
        return failed("tls", found, f"{_PROXY} Or ask who runs the proxy.", cause)
    if error.where == "timeout":
        return failed("tls", f"{host}: {error.reason}", "Try again; if it stays, ask who runs the server.", cause)
    if error.where == "no-tls":
        found = f"what answers at {host} does not speak TLS ({error.reason})"
        return failed("tls", found, "If the server has no certificate, write http:// in 'baseUrl'.", cause)
    if error.where in {"expired", "early"}:
        when = "has expired" if error.where == "expired" else "is not valid yet"
        clock = iso(now_us // 1_000_000 * 1_000_000)
        found = f"the certificate of {host} {when}, by this device's clock, which shows {clock}"
        if now_us < EARLIEST_US:
            return failed("tls", found, "The clock is wrong: set it first, best by NTP (`timedatectl`).", cause)
        todo = "If the clock is wrong, set it (`timedatectl`); else ask who runs the server to renew the certificate."
        return failed("tls", found, todo, cause)
    if error.where == "untrusted":
        found = f"the certificate of {host} cannot be trusted: {error.reason}"
        named = os.environ.get("SSL_CERT_FILE", "")
        if named and not Path(named).is_file():
            return failed("tls", found, f"SSL_CERT_FILE names {named}, and there is no such file.", cause)
        wrong = "Check the host name in 'baseUrl'; a network's sign-in page may stand there, too."
        return failed("tls", found, f"{wrong} {own}", cause)
    found = f"no secure connection to {host} could be made: {error.reason}"
    return failed("tls", found, "Check 'baseUrl' and the network; if it stays, ask who runs the server.", cause)


def _line(at: Inquiry) -> Line:
    if at.line is None:
        raise RuntimeError("this step runs after dns")
    return at.line
