"""The short form of the crash suite; `make crash` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from .campaign import Campaign
from .proxy import FAULTS
from .rounds import Quota

_QUOTA = Quota(device_kills=40, server_kills=8, faults=150, takeover_kills=8)


@pytest.mark.timeout(300)
def test_every_printed_receipt_is_on_the_server_exactly_once_in_order_and_unaltered(tmp_path: Path) -> None:
    campaign = Campaign(folder=tmp_path / "crash", seed=9, quota=_QUOTA, rounds=1, tell=lambda _: None)
    wrong = campaign.run()
    print(f"\n{campaign.report()}")
    assert wrong == []
    tally = campaign.tally
    assert tally["device kills"] >= _QUOTA.device_kills
    assert tally["server kills in the middle of a push"] >= _QUOTA.server_kills
    assert sum(tally[fault] for fault in FAULTS) >= _QUOTA.faults
    assert tally["receipts printed"] > 100
    assert tally["commits on the server"] >= tally["receipts printed"]
    assert list((tmp_path).iterdir()) == []
