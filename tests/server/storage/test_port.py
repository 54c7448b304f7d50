from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.model.values import Kind
from nikdev_iot.server.storage.port import kinds_mask, kinds_of_mask


@given(st.frozensets(st.sampled_from(Kind)))
def test_kinds_come_back(kinds: frozenset[Kind]) -> None:
    assert kinds_of_mask(kinds_mask(kinds)) == kinds


def test_the_mask_is_what_stores_keep() -> None:
    assert kinds_mask([]) == 0
    assert kinds_mask([Kind.FLOAT, Kind.TEXT, Kind.TEXT]) == 0b10010
