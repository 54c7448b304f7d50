from __future__ import annotations

import pytest


@pytest.mark.parametrize("path", ["/", "/admin", "/admin/"])
def test_the_first_address_leads_to_the_devices(site, path):
    answer = site.get(path)
    assert answer.status == 303
    assert answer.headers["location"] == "/admin/devices"
