"""The steps that ask who answers: is it a NikDev server, and do its clock and this device's agree?"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from nikdev_iot.client.answers import Answer
from nikdev_iot.client.clock_sync import is_synchronized
from nikdev_iot.client.transport import Transport, TransportError
from nikdev_iot.model.clocks import AGREE_US, EARLIEST_US
from nikdev_iot.model.errors import NikDevError
from nikdev_iot.model.showing import one_line
from nikdev_iot.model.times import iso

from .amounts import duration_text, ms_text
from .inquiry import Inquiry
from .line import Line, LineBroken
from .report import Cause, Step, failed, fine

__all__ = ["clock", "server"]

_API = "/api/v1/"
_LONGEST_VERSION = 40
_GATEWAY = frozenset({502, 503, 504})


def server(at: Inquiry) -> Step:
    """Is it a NikDev server that answers? Asked without the key: a stranger is not to have it."""
    url = at.config.base_url
    try:
        transport = at.open_transport()
    except (OSError, ValueError) as error:  # SSL_CERT_FILE names nothing, or a proxy of a kind that is not known
        todo = "Check SSL_CERT_FILE, HTTP_PROXY and HTTPS_PROXY in this program's environment."
        return failed("server", f"no connection can be made: {error}", todo, Cause.CONFIG)
    began, before_us = at.monotonic(), at.now_us()
    try:
        answer = transport.request("GET", "")
    except TransportError as error:
        return _no_answer(at, error)
    at.round_trip_s = at.monotonic() - began
    at.asked_us = (before_us + at.now_us()) // 2
    about = _about(answer)
    if about is None:
        return _somebody_else(at, answer)
    at.server = about
    version = about.get("version")
    version = one_line(version)[:_LONGEST_VERSION] if isinstance(version, str) else None
    return fine(
        "server",
        f"NikDev IoT {version or 'of unknown version'} answers at {url}, in {ms_text(at.round_trip_s)}",
        version=version,
        took_ms=round(at.round_trip_s * 1000, 3),
    )


def _about(answer: Answer) -> dict[str, object] | None:
    """Return what a NikDev server says of itself; None where it is none."""
    try:
        found = answer.json() if answer.ok else None
    except NikDevError:
        return None
    return found if isinstance(found, dict) and found.get("name") == "nikdev-iot" else None


def _no_answer(at: Inquiry, error: TransportError) -> Step:
    parts = urlsplit(at.config.base_url)
    is_odd = error.trouble in {"other", "cut"}
    if is_odd and parts.scheme == "http" and not at.proxy and _is_behind_tls(at):
        found = f"{parts.netloc} speaks TLS, and 'baseUrl' begins with http:"
        return failed("server", found, f"Set 'baseUrl' to https{at.config.base_url[4:]}", Cause.ANSWER)
    cause = Cause.ANSWER if error.trouble in {"other", "too-large"} else Cause.UNREACHABLE
    return failed("server", error.message, error.hint, cause)


def _is_behind_tls(at: Inquiry) -> bool:
    parts = urlsplit(at.config.base_url)
    line = Line(parts.hostname or "", parts.port or 80, monotonic=at.monotonic)
    try:
        line.look_up(within_s=at.left_s)
        line.connect(within_s=at.left_s)
        return line.speaks_tls(within_s=at.left_s)
    except LineBroken:
        return False
    finally:
        line.close()


def _somebody_else(at: Inquiry, answer: Answer) -> Step:
    """Say what answers instead, and where the server is, if it is near."""
    url, status = at.config.base_url, answer.status
    if 300 <= status <= 399 and (elsewhere := _other_scheme(url, answer)):
        found = f"{url} redirects to {elsewhere} (HTTP {status}); that is not followed, so that keys go nowhere else"
        return failed("server", found, f"Set 'baseUrl' to {elsewhere}", Cause.ANSWER, status=status)
    if status == 407:
        todo = "A proxy with a user name and password cannot be used; ask who runs it, or name the server in NO_PROXY."
        return failed("server", f"the proxy wants to know who asks (HTTP {status})", todo, Cause.UNREACHABLE)
    if answer.said() is not None and (status == 429 or status >= 500):
        todo = "Try again in a while; if it stays, ask who runs the server."
        return failed("server", answer.explain(), todo, Cause.UNREACHABLE, status=status)
    if status in _GATEWAY:
        found = f"a proxy in front of the server answers at {url}, and the server behind it does not (HTTP {status})"
        return failed("server", found, "Ask who runs the server to start it.", Cause.UNREACHABLE, status=status)
    place = _nearby(at)
    if place is not None:
        found = f"there is no NikDev server at {url} (HTTP {status}), but there is one at {place}"
        return failed("server", found, f"Set 'baseUrl' to {place}", Cause.ANSWER, status=status)
    if 300 <= status <= 399:
        found = answer.explain()
        todo = "Set 'baseUrl' to the server's own address. In a network with a sign-in page, sign in first."
        return failed("server", found, todo, Cause.ANSWER, status=status)
    found = answer.explain() if answer.said() is not None else answer.not_ours()
    todo = (
        "Check 'baseUrl': it ends with /api/v1/ for a NikDev server. In a network with a sign-in page, sign in first."
    )
    return failed("server", found, todo, Cause.ANSWER, status=status)


def _other_scheme(url: str, answer: Answer) -> str | None:
    """Return where a redirect leads that only changes to https (or another port); None for any other."""
    place = urljoin(url, answer.headers.get("location", ""))
    there, here = urlsplit(place), urlsplit(url)
    return place if place != url and (there.hostname, there.path) == (here.hostname, here.path) else None


def _nearby(at: Inquiry) -> str | None:
    """Return where a NikDev server answers, in the places where one is most often meant."""
    parts = urlsplit(at.config.base_url)
    root = f"{parts.scheme}://{parts.netloc}"
    before, api, _ = parts.path.partition(_API)
    places = [f"{root}{before}{_API}" if api else f"{at.config.base_url.rstrip('/')}{_API}", f"{root}{_API}"]
    for place in dict.fromkeys(places):
        if place == at.config.base_url:
            continue
        transport = Transport(base_url=place, timeout_s=at.left_s)
        try:
            if _about(transport.request("GET", "")) is not None:
                return place
        except TransportError:
            continue
        finally:
            transport.close()
    return None


def clock(at: Inquiry) -> Step:
    """Do the two clocks agree, and whose is wrong, where that can be known?"""
    server_us = (at.server or {}).get("server_time_us")
    if type(server_us) is not int:
        return failed(
            "clock", "the server does not tell its time", "Upgrade the server, or check 'baseUrl'.", Cause.ANSWER
        )
    at.clock_offset_s = offset_s = (at.asked_us - server_us) / 1_000_000
    by_system = is_synchronized()
    details = {
        "offset_s": offset_s,
        "uncertainty_s": round(at.round_trip_s / 2, 6),
        "device_time_us": at.asked_us,
        "server_time_us": server_us,
        "is_synchronized": by_system,
    }
    side = "ahead of" if offset_s > 0 else "behind"
    found = f"this device's clock is {abs(offset_s):.1f} s {side} the server's"
    if abs(offset_s) <= AGREE_US / 1_000_000 and at.asked_us >= EARLIEST_US:
        return fine("clock", found, **details)
    if abs(offset_s) >= 120:
        found += f" ({duration_text(abs(offset_s))})"
    device_time, server_time = (iso(us // 1_000_000 * 1_000_000) for us in (at.asked_us, max(0, min(server_us, 2**56))))
    found += f"; here it is {device_time}, there {server_time}"
    set_it = "Set this device's clock, best by NTP (`timedatectl set-ntp true`)."
    if at.asked_us < EARLIEST_US:
        found += ". This device's is wrong: it shows a time before this program existed"
        todo = f"{set_it} Commits made until then are set right with the next push, as long as this boot lasts."
    elif server_us < EARLIEST_US:
        found += ". The server's is wrong: it shows a time before this program existed"
        todo = "Ask who runs the server to set its clock; times of commits are not touched."
    elif by_system:
        found += ". The system says that this device's clock is kept right, so the server's is wrong"
        todo = "Ask who runs the server to set its clock; times of commits are not touched."
    elif by_system is False:
        found += ". The system says that nobody keeps this device's clock right, so it is taken to be the wrong one"
        todo = f"{set_it} Times of commits are counted by the server's clock until then."
    else:
        found += ". They differ, and which of them is wrong cannot be told from here"
        todo = "Set the clock of whichever is wrong, best by NTP."
    return failed("clock", found, todo, Cause.CLOCK, **details)
