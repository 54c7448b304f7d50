from __future__ import annotations

import threading

import pytest

from nikdev_iot.server.accounts import Accounts, People, SetUp
from nikdev_iot.server.errors import Conflict, Invalid, NotFound
from nikdev_iot.server.storage.sqlite import SqliteStorage


@pytest.fixture
def set_up(storage: SqliteStorage, accounts: Accounts) -> SetUp:
    return SetUp(storage, accounts=accounts)


def test_the_link_makes_the_first_account_once(set_up: SetUp, people: People) -> None:
    token = set_up.new_token()
    assert token is not None
    assert len(token) >= 43
    set_up.check(token)
    set_up.make_account(token, email="ada@example.org", password="long enough")
    assert people.find("ada@example.org").is_operator
    for ask in (
        lambda: set_up.check(token),
        lambda: set_up.make_account(token, email="eve@example.org", password="long enough"),
    ):
        with pytest.raises(NotFound, match="used up"):
            ask()
    assert set_up.new_token() is None
    assert not set_up.is_needed()


def test_what_is_refused_leaves_it_good(set_up: SetUp) -> None:
    token = set_up.new_token() or ""
    with pytest.raises(Invalid):
        set_up.make_account(token, email="ada@example.org", password="short")
    set_up.check(token)
    set_up.make_account(token, email="ada@example.org", password="long enough")


@pytest.mark.parametrize("token", ["", "x", "\ud800", "ä" * 1_000])
def test_any_other_is_none(set_up: SetUp, token: str) -> None:
    for _ in range(2):
        with pytest.raises(NotFound):
            set_up.check(token)
        set_up.new_token()


def test_it_ends_with_the_next_one_and_with_an_account_made_otherwise(set_up: SetUp, accounts: Accounts) -> None:
    first, second = set_up.new_token() or "", set_up.new_token() or ""
    with pytest.raises(NotFound):
        set_up.check(first)
    set_up.check(second)
    accounts.add("ada@example.org", "long enough")
    with pytest.raises(NotFound):
        set_up.check(second)


def test_of_many_at_once_one_becomes_the_operator(set_up: SetUp, people: People, accounts: Accounts) -> None:
    token = set_up.new_token() or ""
    together, refused = threading.Barrier(6), []

    def make(number: int) -> None:
        together.wait()
        try:
            set_up.make_account(token, email=f"{number}@example.org", password="long enough")
        except (NotFound, Conflict) as error:
            refused.append(error)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 5
    assert len(accounts.all()) == 1
