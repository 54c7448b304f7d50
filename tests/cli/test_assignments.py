from __future__ import annotations

import pytest

from nikdev_iot.cli.assignments import split_assignment
from nikdev_iot.model.errors import ValueRefused


@pytest.mark.parametrize(
    ("text", "names", "parts"),
    [
        ("a=1", (), ("a", "1")),
        ("a=", (), ("a", "")),
        ("a=b=c", (), ("a", "b=c")),
        ("a=b=c", ("a=b",), ("a=b", "c")),
        ("a=b=c", ("a", "a=b"), ("a", "b=c")),
        ("=x", (), ("", "x")),
    ],
)
def test_parts(text, names, parts):
    assert split_assignment(text, names=names) == parts


def test_no_sign():
    with pytest.raises(ValueRefused, match="FIELD=VALUE"):
        split_assignment("temperature")
