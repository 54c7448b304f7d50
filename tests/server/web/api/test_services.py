from __future__ import annotations

import dataclasses
import inspect

import pytest

from nikdev_iot.server.ingest.admission import Admission
from nikdev_iot.server.web.api.services import KeyGate


def test_the_gate_of_the_push_path_is_the_gate_of_the_api(site):
    assert site.services.gate is site.app._push._admission
    own, asked = (inspect.signature(kind.admit).parameters for kind in (Admission, KeyGate))
    assert list(own) == list(asked)


def test_services_do_not_change(site):
    with pytest.raises(dataclasses.FrozenInstanceError):
        site.services.storage = None
