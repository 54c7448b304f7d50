from __future__ import annotations

import pytest

from nikdev_iot.cli.importing.cells import text_of


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (" a ", "a"),
        ("", ""),
        ("   ", ""),
        (None, ""),
        (True, "true"),
        (27.0, "27.0"),
        (27, "27"),
        (float("nan"), "NaN"),
    ],
)
def test_the_text_that_options_see(cell, text):
    assert text_of(cell) == text
