"""What a server can be told: where it listens, where it keeps, how much it takes.

Only the standard library is imported here, so that the command line can show the defaults without loading a server.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from nikdev_iot.wire.limits import Limits

__all__ = [
    "DEFAULT_HOST",
    "DEFAULT_PORT",
    "AccountLimits",
    "ConnectionLimits",
    "IngestLimits",
    "RateLimits",
    "ServerConfig",
    "default_data_folder",
]

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8321


def default_data_folder() -> Path:
    """Return the folder that holds the embedded store where none was named."""
    import platformdirs

    return Path(platformdirs.user_data_dir("nikdev-iot", appauthor=False)) / "server"


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestLimits:
    """How much the ingest side takes, keeps waiting and remembers."""

    fields_per_device: int = 1_000
    waiting_pushes: int = 4_096
    """Pushes that may wait for the writer; one more is answered 503 with `Retry-After`."""
    waiting_bytes: int = 256 * 1024 * 1024
    """The same, by the size of what they hold."""
    group_pushes: int = 1_024
    """Pushes that share one transaction, at most."""
    group_bytes: int = 16 * 1024 * 1024
    remember_entries_days: float = 30.0
    """How long an entry of JSON v1 is known again when it is sent a second time."""
    bodies_bytes: int = 256 * 1024 * 1024
    """Bodies that are being received, decoded or stored, together; one more is answered 503 with `Retry-After`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLimits:
    """How much one account, device or person may have; nobody comes near it who does not try."""

    devices: int = 10_000
    keys_per_device: int = 100
    """That still open something: revoked and expired ones do not count."""
    dashboards: int = 200
    invitations: int = 100
    """That nobody has taken yet."""
    sessions_per_person: int = 100
    """One more ends the one that was used the longest ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """How often the same caller may ask."""

    requests_per_s: float = 200.0
    """Of one API key, in the long run."""
    burst: float = 400.0
    """Of one API key, at once."""
    wrong_keys_per_s: float = 5.0
    """Of one client address, in the long run: requests with credentials that are not right."""
    wrong_keys_burst: float = 100.0
    access_cache_s: float = 1.0
    """How long a key that was looked up is believed; a revocation is in force after this time, at the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """What a client may do with a connection before anyone knows who it is."""

    connections: int = 10_000
    """At once; fewer where the system allows fewer open files. One more closes an idle one, or is answered 503."""
    head_bytes: int = 64 * 1024
    """Of a request's line and headers."""
    head_timeout_s: float = 20.0
    """How long a request's line and headers may take, from its first byte, or from the beginning of the connection."""
    body_timeout_s: float = 20.0
    """How long the next part of a body may take, and, beside the time at the rate below, all of it."""
    body_bytes_per_s: int = 8 * 1024
    """The slowest that a long body may come."""
    unread_timeout_s: float = 120.0
    """How long a client may leave an answer unread while there is more of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """Everything that `nikdev serve` can be told."""

    data: Path
    """The folder of the embedded store; made where it is missing."""
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    """0 for one that the system chooses."""
    wire: Limits = field(default_factory=Limits)
    ingest: IngestLimits = field(default_factory=IngestLimits)
    accounts: AccountLimits = field(default_factory=AccountLimits)
    rates: RateLimits = field(default_factory=RateLimits)
    connections: ConnectionLimits = field(default_factory=ConnectionLimits)
    keep_alive_s: int = 75
    """How long an idle connection stays open; devices that push each minute keep theirs."""
    stop_timeout_s: int = 5
    """How long a stop waits for requests in flight."""
    trusted_proxies: str = ""
    """Addresses, comma-separated, of proxies whose `X-Forwarded-For` is believed; none where it is empty."""
    access_log: bool = False
    """Whether each request is logged."""
    opens_browser: bool | None = None
    """Whether the set-up link of the first start is opened; None: where somebody sits before a desktop."""
