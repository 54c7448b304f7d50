from __future__ import annotations

import pytest

from nikdev_iot.journal.budget import DEFAULT_HISTORY_BYTES, Budget, StoragePolicy


def test_without_a_limit_only_history_goes():
    assert Budget.of(None, "drop-oldest") == Budget(DEFAULT_HISTORY_BYTES, None)


@pytest.mark.parametrize("limit_bytes", [1_000_000, 12_345_678, 10**12])
@pytest.mark.parametrize("page_bytes", [512, 4096, 65_536])
def test_the_shares_together_are_the_limit(limit_bytes, page_bytes):
    budget = Budget.of(limit_bytes)
    assert budget.policy is StoragePolicy.REFUSE
    assert 0 < budget.content_pages(page_bytes) < budget.most_pages(page_bytes)
    assert budget.most_pages(page_bytes) * page_bytes + budget.log_bytes <= limit_bytes
    assert budget.content_pages(page_bytes) * page_bytes > limit_bytes * 3 // 4
    assert budget.log_bytes <= 8 << 20


def test_a_policy_that_there_is_not():
    with pytest.raises(ValueError, match="newest"):
        Budget.of(1_000_000, "newest")
