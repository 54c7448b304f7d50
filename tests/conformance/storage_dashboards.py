"""The port's contract: dashboards."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest
from tests.conformance.made import hash_of

from nikdev_iot.server.errors import Conflict
from nikdev_iot.server.storage.dashboards import Dashboard
from nikdev_iot.server.storage.port import Storage


def made_dashboard(**special: Any) -> Dashboard:
    dashboard = Dashboard(
        id=uuid.uuid4(), account_id=uuid.uuid4(), name="Cellar", content="{}", created_us=5, changed_us=6
    )
    return replace(dashboard, **special)


class DashboardContract:
    def test_dashboards_are_listed_by_account_the_oldest_first(self, storage: Storage) -> None:
        owner = uuid.uuid4()
        late = made_dashboard(account_id=owner, created_us=30)
        twins = sorted((made_dashboard(account_id=owner) for _ in range(3)), key=lambda dashboard: dashboard.id)
        foreign = made_dashboard()
        with storage.write() as write:
            for dashboard in (late, *twins[::-1], foreign):
                write.add_dashboard(dashboard)
        assert storage.dashboards(owner) == [*twins, late]
        assert storage.dashboards(uuid.uuid4()) == []
        assert storage.dashboard(foreign.id) == foreign
        assert storage.dashboard(uuid.uuid4()) is None

    def test_a_dashboard_is_added_once(self, storage: Storage) -> None:
        one, shared = made_dashboard(), made_dashboard(share_hash=hash_of("link"), shared_us=7)
        with storage.write() as write:
            write.add_dashboard(one)
            write.add_dashboard(shared)
        for double in (replace(one, name="again"), made_dashboard(share_hash=hash_of("link"))):
            with pytest.raises(Conflict), storage.write() as write:
                write.add_dashboard(double)
        assert storage.dashboard(one.id) == one
        assert storage.dashboard_by_share(hash_of("link")) == shared

    def test_only_the_version_at_hand_is_changed(self, storage: Storage) -> None:
        one, bystander = made_dashboard(share_hash=hash_of("here"), shared_us=7), made_dashboard()
        with storage.write() as write:
            write.add_dashboard(one)
            write.add_dashboard(bystander)
        wanted = replace(one, name="Roof", content="[]", changed_us=9, created_us=1, account_id=uuid.uuid4())
        with storage.write() as write:
            assert write.update_dashboard(wanted)
            assert not write.update_dashboard(replace(wanted, name="late"))
            assert not write.update_dashboard(made_dashboard())
        assert storage.dashboard(one.id) == replace(one, name="Roof", content="[]", changed_us=9, version=2)
        assert storage.dashboard(bystander.id) == bystander

    def test_a_link_is_made_replaced_and_withdrawn(self, storage: Storage) -> None:
        one = made_dashboard()
        with storage.write() as write:
            write.add_dashboard(one)
            write.share_dashboard(one.id, hash_of(1), at_us=8)
        assert storage.dashboard_by_share(hash_of(1)) == replace(one, share_hash=hash_of(1), shared_us=8)
        with storage.write() as write:
            write.share_dashboard(one.id, hash_of(2), at_us=9)
            write.share_dashboard(uuid.uuid4(), hash_of(3), at_us=9)
        assert storage.dashboard_by_share(hash_of(1)) is None
        assert storage.dashboard_by_share(hash_of(3)) is None
        assert storage.dashboard_by_share(hash_of(2)) == storage.dashboard(one.id)
        with storage.write() as write:
            write.share_dashboard(one.id, None, at_us=None)
        assert storage.dashboard_by_share(hash_of(2)) is None
        assert storage.dashboard(one.id) == one

    def test_a_dashboard_is_removed(self, storage: Storage) -> None:
        one, bystander = made_dashboard(share_hash=hash_of("gone")), made_dashboard()
        with storage.write() as write:
            write.add_dashboard(one)
            write.add_dashboard(bystander)
        for _ in range(2):
            with storage.write() as write:
                write.remove_dashboard(one.id)
        assert storage.dashboard(one.id) is None
        assert storage.dashboard_by_share(hash_of("gone")) is None
        assert storage.dashboard(bystander.id) == bystander
