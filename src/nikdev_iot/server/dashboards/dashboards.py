"""Dashboards of an account: made, changed without losing anybody's work, and shown to anyone by a secret link."""

from __future__ import annotations

import base64
import hashlib
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from nikdev_iot.server.accounts.fields import palette_places
from nikdev_iot.server.accounts.room import check_room
from nikdev_iot.server.accounts.texts import check_text
from nikdev_iot.server.errors import Conflict, NotFound
from nikdev_iot.server.storage.dashboards import Dashboard
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import Device, Field

from .content import Content, Source, Tile, read_content, sources_of, write_content

__all__ = ["Changed", "Dashboards", "Scope", "hash_token"]

_TOKEN_BYTES = 32
_TOKEN_CHARS = 43


class Changed(Conflict):
    """Somebody else changed the dashboard meanwhile: nothing of this change was kept here, nor was theirs touched."""

    code = "changed"

    def __init__(self, current: Dashboard) -> None:
        super().__init__(
            "This dashboard was changed elsewhere since you opened it.",
            hint="Theirs is kept and yours is still in this page: look at theirs, or save yours in its place.",
        )
        self.current = current


@dataclass(frozen=True, slots=True)
class Scope:
    """The devices and fields that a dashboard shows, as far as they are there: all that its link opens."""

    devices: dict[uuid.UUID, Device]
    fields: dict[uuid.UUID, dict[str, Field]]
    """Of each of those devices, those of its fields that are on the dashboard."""
    places: dict[Source, int]
    """Where each of those stands among all fields of its device: it has the same colour everywhere."""

    def holds(self, source: Source) -> bool:
        """Return whether the field is there."""
        return source.field in self.fields.get(source.device, {})


def hash_token(token: str) -> bytes | None:
    """Return what the store keeps of a link's secret; None for a text that cannot be one."""
    if len(token) != _TOKEN_CHARS or not token.isascii():
        return None
    return hashlib.sha256(token.encode()).digest()


class Dashboards:
    """Makes, finds, changes and shares dashboards. Other accounts' dashboards and devices do not exist.

    All calls read or write the store. Safe to use from several threads.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        now_us: Callable[[], int],
        new_id: Callable[[], uuid.UUID] = uuid.uuid4,
        random_bytes: Callable[[int], bytes] = os.urandom,
        most: int | None = None,
    ) -> None:
        self._storage = storage
        self._now_us = now_us
        self._new_id = new_id
        self._random_bytes = random_bytes
        self._most = most
        self._lock = threading.Lock()
        self._watchers: dict[object, tuple[uuid.UUID, Callable[[], None]]] = {}

    @contextmanager
    def watched(self, dashboard_id: uuid.UUID, changed: Callable[[], None]) -> Iterator[None]:
        """Call `changed` after every change of this dashboard or its link made through this object.

        It is called in the thread of whoever changed it, and has to be quick.
        """
        watcher = object()
        with self._lock:
            self._watchers[watcher] = (dashboard_id, changed)
        try:
            yield
        finally:
            with self._lock:
                del self._watchers[watcher]

    def _changed(self, dashboard_id: uuid.UUID) -> None:
        with self._lock:
            watchers = list(self._watchers.values())
        for watched_id, changed in watchers:
            if watched_id == dashboard_id:
                changed()

    # -- finding ------------------------------------------------------------------------------------

    def all(self, account_id: uuid.UUID) -> list[Dashboard]:
        """Return an account's dashboards, the oldest first."""
        return self._storage.dashboards(account_id)

    def get(self, dashboard_id: uuid.UUID, *, account_id: uuid.UUID) -> Dashboard:
        """Return a dashboard of the account; raises `NotFound`."""
        dashboard = self._storage.dashboard(dashboard_id)
        if dashboard is None or dashboard.account_id != account_id:
            raise NotFound("There is no such dashboard.", hint="It may have been deleted.")
        return dashboard

    def shared(self, token: str) -> Dashboard:
        """Return the dashboard that a link shows; raises `NotFound`, also where the link has been withdrawn."""
        share_hash = hash_token(token)
        dashboard = None if share_hash is None else self._storage.dashboard_by_share(share_hash)
        if dashboard is None:
            raise NotFound(
                "There is no dashboard behind this link.",
                hint="It may have been withdrawn, or was cut off on its way to you. Ask whoever sent it.",
            )
        return dashboard

    def scope(self, dashboard: Dashboard, content: Content) -> Scope:
        """Return what there is of the devices and fields on a dashboard; never a device of another account."""
        wanted: dict[uuid.UUID, set[str]] = {}
        for tile in content.tiles:
            for source in sources_of(tile):
                wanted.setdefault(source.device, set()).add(source.field)
        devices: dict[uuid.UUID, Device] = {}
        fields: dict[uuid.UUID, dict[str, Field]] = {}
        places: dict[Source, int] = {}
        known = self._storage.fields_of(list(wanted))
        for device_id, names in wanted.items():
            device = self._storage.device(device_id)
            if device is None or device.account_id != dashboard.account_id:
                continue
            devices[device_id] = device
            fields[device_id] = {}
            all_fields = known.get(device_id, [])
            in_palette = palette_places(all_fields)
            for field in all_fields:
                if field.field_id in names:
                    fields[device_id][field.field_id] = field
                    places[Source(device_id, field.field_id)] = in_palette[field.field_id]
        return Scope(devices, fields, places)

    # -- changing -----------------------------------------------------------------------------------

    def add(self, account_id: uuid.UUID, name: object, *, tiles: tuple[Tile, ...] = ()) -> Dashboard:
        """Make a dashboard.

        Raises:
            Invalid: the name cannot be, or there are too many dashboards.
        """
        now_us = self._now_us()
        dashboard = Dashboard(
            id=self._new_id(),
            account_id=account_id,
            name=check_text(name, what="The dashboard's name"),
            content=write_content(read_content(write_content(Content(tiles)))),
            created_us=now_us,
            changed_us=now_us,
        )
        with self._storage.write() as write:
            count = len(self._storage.dashboards(account_id))
            check_room(count, self._most, of="dashboards", have="This account", instead="Delete one that nobody needs")
            write.add_dashboard(dashboard)
        return dashboard

    def change(
        self,
        dashboard_id: uuid.UUID,
        *,
        account_id: uuid.UUID,
        version: int,
        name: object = None,
        content: Content | None = None,
    ) -> Dashboard:
        """Change what is given, if the dashboard is still of this version; return it as it is then.

        Raises:
            Changed: it is of another version by now; nothing was changed.
            NotFound: no such dashboard.
            Invalid: the name or the content cannot be.
        """
        new_name = None if name is None else check_text(name, what="The dashboard's name")
        text = None if content is None else write_content(read_content(write_content(content)))
        with self._storage.write() as write:
            current = self.get(dashboard_id, account_id=account_id)
            changed = replace(
                current,
                version=version,
                name=current.name if new_name is None else new_name,
                content=current.content if text is None else text,
                changed_us=self._now_us(),
            )
            if not write.update_dashboard(changed):
                raise Changed(current)
        self._changed(dashboard_id)
        return replace(changed, version=version + 1)

    def remove(self, dashboard_id: uuid.UUID, *, account_id: uuid.UUID) -> None:
        """Delete a dashboard, and with it its link; the devices and their values stay. Raises `NotFound`."""
        with self._storage.write() as write:
            self.get(dashboard_id, account_id=account_id)
            write.remove_dashboard(dashboard_id)
        self._changed(dashboard_id)

    # -- sharing ------------------------------------------------------------------------------------

    def share(self, dashboard_id: uuid.UUID, *, account_id: uuid.UUID) -> str:
        """Make a link, in the place of any before; return its secret, which nobody can be told again.

        Raises `NotFound`.
        """
        token = base64.urlsafe_b64encode(self._random_bytes(_TOKEN_BYTES)).rstrip(b"=").decode()
        with self._storage.write() as write:
            self.get(dashboard_id, account_id=account_id)
            write.share_dashboard(dashboard_id, hash_token(token), at_us=self._now_us())
        self._changed(dashboard_id)
        return token

    def withdraw(self, dashboard_id: uuid.UUID, *, account_id: uuid.UUID) -> None:
        """Let the link open nothing any more. Idempotent. Raises `NotFound`."""
        with self._storage.write() as write:
            self.get(dashboard_id, account_id=account_id)
            write.share_dashboard(dashboard_id, None, at_us=None)
        self._changed(dashboard_id)
