"""What the HTTP side is given by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Protocol

from nikdev_iot.server.accounts import (
    Accounts,
    Devices,
    Fields,
    Invitations,
    Keys,
    People,
    Registering,
    Sessions,
    Settings,
    SetUp,
    TwoFactor,
)
from nikdev_iot.server.dashboards.dashboards import Dashboards
from nikdev_iot.server.ingest.last_pushes import LastPushes
from nikdev_iot.server.ingest.waiting import Waiting
from nikdev_iot.server.live.hub import LiveHub
from nikdev_iot.server.measures.measures import Measures
from nikdev_iot.server.query.previews import Previews
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import Access
from nikdev_iot.wire.limits import DEFAULT_LIMITS, Limits

__all__ = ["KeyGate", "Services"]


class KeyGate(Protocol):
    """Lets device keys in: one for the push path and the rest, so that both count against the same rates."""

    async def admit(self, device_id: str | None, api_key: str | None, peer: str = "", *, again: bool = False) -> Access:
        """Return what the two headers allow; storage is read in a thread, and what was found kept for at most 1 s.

        `peer` is the client's address: wrong keys are slowed down by it. With `again`, for a request that was admitted
        a while ago, it does not count against the rate.

        Raises:
            Unauthorized: unknown device or key, or an expired or revoked one.
            TooMany: over the key's rate, or too many wrong keys.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything `build_api` needs; made once, in the composition root."""

    storage: Storage
    gate: KeyGate
    """Lets device keys in."""
    accounts: Accounts
    devices: Devices
    fields: Fields
    keys: Keys
    sessions: Sessions
    people: People
    two_factor: TwoFactor
    invitations: Invitations
    registering: Registering
    settings: Settings
    set_up: SetUp
    dashboards: Dashboards
    measures: Measures
    """What the server knows of itself."""
    waiting: Waiting
    """How many commits wait on devices, as they said with their last push."""
    last_pushes: LastPushes
    """When devices pushed last: `last_pushes.merged(devices)` gives records with what the store will say soon."""
    live: LiveHub
    """Who looks at values as they come."""
    previews: Previews
    """What devices show ahead of a backlog."""
    now_us: Callable[[], int]
    password_executor: Executor
    """The threads in which passwords are checked: a flood of sign-ins keeps nothing else waiting."""
    limits: Limits = DEFAULT_LIMITS
    limits_shown: Mapping[str, Any] = field(default_factory=dict)
    """Further limits that `GET /api/v1/device` tells, e.g. requests per second."""
