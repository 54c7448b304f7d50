from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire import strategies

from nikdev_iot.model.errors import Malformed
from nikdev_iot.wire.marks import Mark, PushAnswer
from nikdev_iot.wire.pack import NO_PACK

ANSWER = PushAnswer(mark=Mark(7, b"h" * 32), epoch=b"e" * 16, server_time_us=5, stored=True)

answers = st.builds(
    PushAnswer,
    mark=st.builds(Mark, st.integers(0, 2**63 - 1), strategies.hashes),
    epoch=strategies.epochs,
    server_time_us=strategies.times_us,
    stored=st.booleans(),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["mark", "hash", "epoch", "number"]), inner),
    max_leaves=6,
)


@given(answers)
def test_an_answer_is_read_as_it_was_written(answer):
    assert PushAnswer.from_json(json.loads(json.dumps(answer.to_json()))) == answer


def test_how_it_looks():
    assert ANSWER.to_json() == {
        "stored": True,
        "mark": {"number": 7, "hash": "68" * 32},
        "epoch": "65" * 16,
        "server_time_us": 5,
    }
    assert Mark().to_json() == {"number": 0, "hash": NO_PACK.hex()}


def test_newer_servers_may_say_more():
    assert PushAnswer.from_json(ANSWER.to_json() | {"code": "fork", "message": "…"}) == ANSWER


@pytest.mark.parametrize(
    "changes",
    [
        {"mark": None},
        {"mark": {}},
        {"mark": {"number": "7", "hash": "68" * 32}},
        {"mark": {"number": True, "hash": "68" * 32}},
        {"mark": {"number": -1, "hash": "68" * 32}},
        {"mark": {"number": 2**63, "hash": "68" * 32}},
        {"mark": {"number": 7, "hash": "68" * 31}},
        {"mark": {"number": 7, "hash": "zz" * 32}},
        {"mark": {"number": 7, "hash": 5}},
        {"epoch": "65" * 15},
        {"epoch": None},
        {"server_time_us": 1.5},
        {"server_time_us": 2**63},
        {"stored": "yes"},
    ],
    ids=repr,
)
def test_what_is_no_answer_is_refused(changes):
    with pytest.raises(Malformed):
        PushAnswer.from_json(ANSWER.to_json() | changes)


@given(anything)
def test_any_json_is_refused(data):
    with pytest.raises(Malformed):
        PushAnswer.from_json(data)
