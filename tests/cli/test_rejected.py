from __future__ import annotations

import pytest
from tests.cli.running import nikdev

from nikdev_iot.cli.folder import open_folder


@pytest.fixture
def aside(alone):
    for number in range(3):
        alone.commit(f"t={number}", message=f"number {number}")
    with open_folder().open_journal() as journal:
        journal.set_rejected({1: "too old", 3: "too new"})
    return alone


def test_listed_with_their_reasons(aside):
    found = nikdev("rejected", "--json").json["rejected"]
    assert [(item["number"], item["reason"], item["message"]) for item in found] == [
        (1, "too old", "number 0"),
        (3, "too new", "number 2"),
    ]
    out = nikdev("rejected", "3").out
    assert "too new" in out
    assert "too old" not in out
    assert nikdev("status", "--json").json["rejected"] == 2


def test_brought_back_one_by_one_or_all(aside):
    assert nikdev("rejected", "--restore", "3", "--json").json == {"restored": 1}
    assert [item["number"] for item in nikdev("rejected", "--json").json["rejected"]] == [1]
    assert nikdev("rejected", "--restore").out == "1 commit queued again.\n"
    assert nikdev("status", "--json").json["unpushed"] == 3


def test_none(alone):
    assert nikdev("rejected").out == "No commits are set aside.\n"
    assert nikdev("rejected", "--json").json == {"rejected": []}
    assert nikdev("rejected", "--restore").out == "No commits are set aside.\n"


def test_others_than_those_named(aside):
    assert nikdev("rejected", "2").out == "None of these commits is set aside.\n"
    assert nikdev("rejected", "--restore", "2").out == "None of these commits is set aside.\n"
    assert nikdev("status", "--json").json["rejected"] == 2


def test_a_push_with_nothing_to_send_names_them(device):
    device.commit("t=1")
    with open_folder().open_journal() as journal:
        journal.set_rejected({1: "too old"})
    assert nikdev("push").out == "Nothing waits to be pushed.\n1 commit set aside earlier: nikdev rejected\n"
