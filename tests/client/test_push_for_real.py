"""Pushing to a real server process: what is on the server afterwards is what was committed, once, in order."""

from __future__ import annotations

import random
import shutil
import threading
from pathlib import Path

import pytest
from tests.client.conftest import MakeApi
from tests.client.networks import AnswerEater, CuttingProxy, listening, url_of
from tests.servers import Credentials, RunningServer, run_server

from nikdev_iot import Api, PushException
from nikdev_iot.model.commits import Receipt
from nikdev_iot.model.values import Value


def assert_on_server(api: Api, receipts: list[Receipt], values: list[dict[str, Value]]) -> None:
    """Each commit is there once, in order, with its values and their kinds."""
    history = api.fetch()
    for field_id in {name for row in values for name in row}:
        series = history[field_id]
        expected = [
            (receipt.time_us, row[field_id]) for receipt, row in zip(receipts, values, strict=True) if field_id in row
        ]
        found = list(series)
        assert found == expected
        assert [type(value) for _, value in found] == [type(value) for _, value in expected]


def commit(api: Api, row: dict[str, Value]) -> Receipt:
    for field_id, value in row.items():
        api.add_value(field_id, value)
    receipt = api.commit()
    assert receipt is not None
    return receipt


def rows(count: int, *, seed: int = 1) -> list[dict[str, Value]]:
    """Values of all kinds, in commits of changing shape."""
    dice = random.Random(seed)
    made: list[dict[str, Value]] = []
    for number in range(count):
        row: dict[str, Value] = {"n": number, "level": dice.random() * 100}
        if number % 3 == 0:
            row["is open"] = dice.random() < 0.5
        if number % 7 == 0:
            row["note"] = f"note {number} æ 漢 \U0001f321"
        if number % 2:
            row["both kinds"] = dice.choice([21, 21.0])
        made.append(row)
    return made


def test_what_was_committed_is_on_the_server_unchanged(api: Api) -> None:
    values = rows(300)
    receipts = [commit(api, row) for row in values]
    assert api.push().pushed == 300
    assert api.status().unpushed == 0
    assert [receipt.number for receipt in receipts] == list(range(1, 301))
    assert_on_server(api, receipts, values)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_network_that_cuts_connections_at_random(
    server: RunningServer, make_api: MakeApi, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    values = rows(4_000, seed=seed)
    dice = random.Random(seed)
    proxy = CuttingProxy(server.port, seed=seed, most_bytes=15_000)
    with listening(proxy) as port:
        api = make_api(baseUrl=url_of(port), requestTimeout=5, durability="normal")
        receipts: list[Receipt] = []
        failures = 0
        while len(receipts) < len(values) or api.status().unpushed:
            batch = values[len(receipts) : len(receipts) + dice.randrange(300)]
            receipts.extend(commit(api, row) for row in batch)
            try:
                api.push()
            except PushException as error:
                failures += 1
                assert error.retained_data is True
                assert "still queued" in str(error)
            proxy.is_bad = failures < 40  # let it come to an end
        proxy.is_bad = False
        assert failures >= 5
        with capsys.disabled():
            print(f" [{proxy.cuts} connections cut, {failures} pushes failed]", end="")
    assert_on_server(make_api(), receipts, values)


@pytest.mark.parametrize("begins", [b"POST /api/v1/packs", b"GET /api/v1/origins/"])
def test_a_lost_answer(server: RunningServer, make_api: MakeApi, begins: bytes) -> None:
    values = rows(20)
    with listening(AnswerEater(server.port, begins=begins, count=2)) as port:
        api = make_api(baseUrl=url_of(port))
        receipts = [commit(api, row) for row in values[:10]]
        with pytest.raises(PushException) as caught:
            api.push()
        assert caught.value.retained_data is True
        receipts += [commit(api, row) for row in values[10:]]
        while api.status().unpushed:
            try:
                api.push()
            except PushException as error:
                assert error.retained_data is True
    assert_on_server(make_api(), receipts, values)


def test_a_server_that_is_killed_and_comes_back(tmp_path: Path) -> None:
    values = rows(3_000)
    with run_server(tmp_path) as server:
        who = server.new_device()
        with Api.from_credentials(
            who.device_id, who.api_key, baseUrl=server.api_url, storagePath=tmp_path, durability="normal"
        ) as api:
            receipts = [commit(api, row) for row in values]
            killers = iter([True])

            def kill_once(_: object) -> None:
                if next(killers, False):
                    server.kill()

            with pytest.raises(PushException) as caught:
                api.push(progress=kill_once)
            assert caught.value.retained_data is True
            left = api.status().unpushed
            assert 0 < left < 3_000
            server.start()
            assert api.push().pushed == left
            assert_on_server(api, receipts, values)


def test_wrong_credentials_set_aside_and_can_be_brought_back(make_api: MakeApi, server: RunningServer) -> None:
    other = server.new_device()
    wrong = make_api(apiKey=other.api_key)
    values = rows(5)
    receipts = [commit(wrong, row) for row in values]
    with pytest.raises(PushException) as caught:
        wrong.push()
    assert caught.value.retained_data is False
    assert caught.value.status == 401
    assert "5 commits left the queue" in str(caught.value)
    status = wrong.status()
    assert (status.unpushed, status.rejected) == (0, 5)
    assert len({entry.reason for entry in wrong.rejected()}) == 1
    wrong.close()

    api = make_api()
    assert api.restore_rejected() == 5
    assert api.push().pushed == 5
    assert_on_server(api, receipts, values)


def test_a_key_without_write_access(make_api: MakeApi, server: RunningServer, who: Credentials) -> None:
    reading = server.add_key(who.device_id, read=True, write=False)
    api = make_api(apiKey=reading.api_key)
    commit(api, {"n": 1})
    with pytest.raises(PushException) as caught:
        api.push()
    assert (caught.value.retained_data, caught.value.status) == (False, 403)
    assert api.status().rejected == 1


def test_commits_with_fields_that_the_device_does_not_take(server: RunningServer, make_api: MakeApi) -> None:
    account = server.add_account()
    who = server.add_key(server.add_device(account, accepts_new_fields=False))
    api = make_api(deviceId=who.device_id, apiKey=who.api_key)
    for number in range(3):
        commit(api, {"unknown": number})
    report = api.push()
    assert (report.pushed, report.rejected) == (0, 3)
    assert [entry.number for entry in api.rejected()] == [1, 2, 3]
    assert all("unknown" in entry.reason for entry in api.rejected())
    assert api.status().unpushed == 0


def test_a_server_with_small_limits(tmp_path: Path) -> None:
    with run_server(tmp_path, environment={"NIKDEV_MAX_COMMITS": "50"}) as server:
        who = server.new_device()
        with Api.from_credentials(
            who.device_id, who.api_key, baseUrl=server.api_url, storagePath=tmp_path, durability="normal"
        ) as api:
            values = rows(500)
            receipts = [commit(api, row) for row in values]
            assert api.push().pushed == 500
            assert_on_server(api, receipts, values)


def test_objects_with_one_journal_commit_and_push_at_the_same_time(make_api: MakeApi) -> None:
    apis = [make_api(durability="normal", requestTimeout=30) for _ in range(3)]
    receipts: list[Receipt] = []
    wrong: list[Exception] = []

    def work(api: Api, name: str) -> None:
        try:
            for number in range(60):
                api.add_value(name, number)
                receipt = api.commit()
                assert receipt is not None
                receipts.append(receipt)
                if number % 10 == 9:
                    api.push()
        except Exception as error:  # noqa: BLE001
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(api, name)) for api, name in zip(apis, ("a", "b", "c"), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    apis[0].push()
    assert sorted(receipt.number for receipt in receipts) == list(range(1, 181))
    history = apis[0].fetch()
    assert {name: history[name].values for name in "abc"} == {name: list(range(60)) for name in "abc"}


def test_threads_share_one_object(api: Api) -> None:
    wrong: list[Exception] = []

    def work(name: str) -> None:
        try:
            for number in range(40):
                api.add_value(name, number)
                api.commit()
                if number % 20 == 19:
                    api.push()
        except Exception as error:  # noqa: BLE001
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    api.commit_and_push()
    history = api.fetch()
    # Whose thread commits a value is chance; that each arrives, in its order, is not.
    for name in "abcd":
        assert history[name].values[-1] == 39
        assert history[name].values == sorted(set(history[name].values))
    assert api.status().unpushed == 0


def test_a_copied_journal_is_noticed_and_goes_on(make_api: MakeApi, tmp_path: Path) -> None:
    with make_api() as first:
        commit(first, {"n": 1})
        first.push()
    shutil.copytree(tmp_path / "device", tmp_path / "copy")
    with make_api() as first:
        commit(first, {"n": 2})
        first.push()
    copy = make_api(storagePath=str(tmp_path / "copy"))
    commit(copy, {"n": 3})
    report = copy.push()
    assert "Another copy of this journal" in report.notices[0]
    assert copy.status().unpushed == 0
    assert copy.fetch()["n"].values == [1, 2, 3]


def test_nothing_is_sent_twice_after_a_push_that_was_cut_short(make_api: MakeApi) -> None:
    api = make_api(durability="normal")
    values = rows(5_000)
    receipts = [commit(api, row) for row in values]

    class Enough(Exception):
        pass

    sent: list[int] = []

    def stop_early(progress: object) -> None:
        sent.append(progress.bytes_sent)  # type: ignore[attr-defined]
        if len(sent) == 2:
            raise Enough

    with pytest.raises(Enough):
        api.push(progress=stop_early)
    left = api.status().unpushed
    assert 0 < left < 5_000
    report = api.push()
    assert report.pushed == left
    assert_on_server(api, receipts, values)
