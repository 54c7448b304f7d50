from __future__ import annotations

import inspect

import pytest

from nikdev_iot.model import errors
from nikdev_iot.model.errors import NikDevError, PushException, TooLarge, ValueRefused, WireError


def test_all_are_one_tree_and_all_are_told():
    tree = inspect.getdoc(errors) or ""
    found = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind)}
    assert set(found) == set(errors.__all__)
    for name, kind in found.items():
        assert issubclass(kind, NikDevError)
        assert name in tree


def test_message_and_hint():
    assert str(NikDevError("It broke.")) == "It broke."
    assert str(NikDevError("It broke.", hint="Try again.")) == "It broke. Try again."


def test_a_push_says_what_became_of_the_commits():
    assert PushException("No.").retained_data is True
    assert PushException("No.", False, status=403).retained_data is False


def test_places_and_limits():
    error = TooLarge("9 bytes", limit=8, place="body")
    assert (str(error), error.limit, error.place) == ("body: 9 bytes", 8, "body")


@pytest.mark.parametrize("kind", [ValueRefused, WireError])
def test_those_about_values_are_value_errors(kind):
    assert issubclass(kind, ValueError)
