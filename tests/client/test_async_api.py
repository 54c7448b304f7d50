"""The verbs of `Api` for asyncio: the same results, and an event loop that is never kept waiting."""

from __future__ import annotations

import asyncio
import inspect
import time

import pytest
from tests.client.networks import DEVICE, KEY, StubServer, closed_port, scripted, url_of

from nikdev_iot import Api, AsyncApi, PushException, ValueRefused
from nikdev_iot.journal.journal import Journal

_COMMITS = 100_000


@pytest.fixture
def config(server, who, tmp_path):
    return {
        "baseUrl": server.api_url,
        "deviceId": who.device_id,
        "apiKey": who.api_key,
        "storagePath": str(tmp_path / "device"),
    }


def test_it_has_every_verb_with_the_same_parameters():
    for name, verb in inspect.getmembers(Api, inspect.isfunction):
        if name.startswith("_") or name == "close":
            continue
        own = getattr(AsyncApi, name)
        assert inspect.signature(own).parameters.keys() == inspect.signature(verb).parameters.keys(), name
        assert inspect.iscoroutinefunction(own) == (name != "add_value"), name


def test_a_reading_there_and_back(config):
    async def main():
        async with AsyncApi(config) as api:
            with pytest.raises(ValueRefused, match="temperature"):
                api.add_value("temperature", float("nan"))
            api.add_value("temperature", 21.5)
            assert await api.staged() == {"temperature": 21.5}
            receipt = await api.commit("first", time=1_700_000_000)
            assert (receipt.number, receipt.time_us) == (1, 1_700_000_000_000_000)
            assert await api.commit() is None
            assert (await api.status()).unpushed == 1
            seen = []
            assert (await api.push(seen.append)).pushed == 1
            await asyncio.sleep(0)
            assert [state.pushed for state in seen] == [1]
            api.add_value("temperature", 22.5)
            assert (await api.commit_and_push()).number == 2
            assert [entry.number for entry in await api.log()] == [2, 1]
            assert (await api.show(1)).values == {"temperature": 21.5}
            assert [found.value for found in await api.get(["temperature"])] == [22.5]
            counts = []
            history = await api.fetch(name for name in ["temperature"])
            assert list((await api.fetch(progress=counts.append))["temperature"].values) == [21.5, 22.5]
            assert list(history["temperature"].values) == [21.5, 22.5]
            steps = []
            assert await api.test_connection()
            assert (await api.test_connection(on_step=steps.append)).steps == tuple(steps)
            assert (await api.rejected(), await api.restore_rejected()) == ([], 0)
            api.add_value("temperature", 1)
            await api.reset()
            assert (await api.staged(), await api.reset_unpushed_entries()) == ({}, 0)
            assert config["apiKey"] not in repr(api)
            assert repr(api).startswith("<AsyncApi of device")

    asyncio.run(main())


def test_staged_values_are_kept_and_it_opens_again(config):
    async def main():
        api = AsyncApi.from_credentials(config["deviceId"], config["apiKey"], storagePath=config["storagePath"])
        assert api.config.device_id == config["deviceId"]
        api.add_value("a", 1)
        await api.aclose()
        await api.aclose()
        assert (await api.commit()).number == 1
        await api.aclose()

    asyncio.run(main())


def test_what_fails_fails_as_ever(tmp_path):
    async def main():
        async with AsyncApi(
            {"deviceId": DEVICE, "apiKey": KEY, "storagePath": tmp_path, "baseUrl": url_of(closed_port())}
        ) as api:
            api.add_value("a", 1)
            await api.commit()
            with pytest.raises(PushException) as caught:
                await api.push()
            assert caught.value.retained_data

    asyncio.run(main())


def test_the_loop_goes_on_while_a_long_backlog_goes_out(config, capsys):
    with Api(config) as api, Journal.open(api.status().journal_path) as journal:
        journal.commit_many(
            (1_750_000_000_000_000 + n, {f"f{k}": n * 0.5 + k for k in range(10)}, None) for n in range(_COMMITS)
        )

    async def main():
        lags = []

        async def watch():
            while True:
                before = time.perf_counter()
                await asyncio.sleep(0.001)
                lags.append(time.perf_counter() - before - 0.001)

        watching = asyncio.create_task(watch())
        async with AsyncApi(config) as api:
            pushing = asyncio.create_task(api.push())
            committed = 0
            while not pushing.done():
                api.add_value("meanwhile", committed)
                await api.commit()
                committed += 1
            report = await pushing
            watching.cancel()
            assert report.pushed >= _COMMITS
            await api.push()
            assert (await api.status()).unpushed == 0
        lags.sort()
        with capsys.disabled():
            print(
                f"\n{_COMMITS} commits went out and {committed} came in; the loop came late by "
                f"{lags[len(lags) // 2] * 1000:.1f} ms (median), {lags[-1] * 1000:.0f} ms (at most)"
            )
        # A push that ran on the loop would keep it for as long as the push takes, or for a pack at least.
        assert committed >= 3
        assert lags[int(len(lags) * 0.9)] < 0.1

    asyncio.run(main())


def test_a_cancelled_push_ends_behind_its_pack_and_the_next_goes_on(config, tmp_path):
    with Api(config) as api, Journal.open(api.status().journal_path) as journal:
        journal.commit_many((1_750_000_000_000_000 + n, {"n": n}, None) for n in range(50_000))

    async def main():
        async with AsyncApi(config) as api:
            first = asyncio.Event()
            pushing = asyncio.create_task(api.push(lambda _: first.set()))
            await first.wait()
            pushing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await pushing
            await api.test_connection()  # behind the push, in the network's thread
            left = (await api.status()).unpushed
            assert left > 0
            assert (await api.push()).pushed == left
            assert list((await api.fetch())["n"].values) == list(range(50_000))

    asyncio.run(main())


def test_a_server_that_never_answers_keeps_nobody_but_the_push(tmp_path):
    server = StubServer(lambda _: time.sleep(1.5))

    async def main(port):
        async with AsyncApi(
            {
                "deviceId": DEVICE,
                "apiKey": KEY,
                "storagePath": tmp_path,
                "baseUrl": url_of(port),
                "requestTimeout": 1,
            }
        ) as api:
            api.add_value("a", 1)
            await api.commit()
            pushing = asyncio.create_task(api.push())
            await asyncio.sleep(0.1)
            api.add_value("a", 2)
            assert (await asyncio.wait_for(api.commit(), 0.8)).number == 2
            assert not pushing.done()
            with pytest.raises(PushException, match="1 s"):
                await pushing

    with scripted(server) as port:
        asyncio.run(main(port))
