"""The log of a device, one commit of it, and deleting values and bringing them back."""

from __future__ import annotations

import json
import time
import urllib.request
import uuid

from playwright.sync_api import expect

from nikdev_iot.model.commits import Commit, Gap
from nikdev_iot.wire.headers import PACK_TYPE
from nikdev_iot.wire.pack import NO_PACK, encode_content, encode_frame, pack_from_commits

NOON = 1_790_000_000


def fill(device):
    device.push_many(
        [
            (
                NOON + 60 * n,
                {"temperature": 20 + n / 8, "door": n % 5 == 0, "note": f"round {n}"},
                f"round {n}" if n % 20 == 0 else None,
            )
            for n in range(120)
        ]
    )


def send(visitor, device, path, body):
    """Push by hand what the client of our own would not."""
    request = urllib.request.Request(visitor.server.api_url + path, body, device.credentials.headers)
    request.add_header("content-type", PACK_TYPE if path == "packs" else "application/json")
    urllib.request.urlopen(request, timeout=20).close()


def test_the_log_page_by_page(visitor, look):
    device = visitor.new_device()
    page = visitor.open(f"{device.path}/commits")
    expect(page.get_by_text("No commit yet")).to_be_visible()
    look(page, "commits-empty")
    fill(device)
    page = visitor.open(f"{device.path}/commits")
    rows = page.locator(".log > li")
    expect(rows).to_have_count(50)
    expect(rows.first.get_by_role("link", name="120")).to_be_visible()
    expect(rows.first).to_contain_text("34.875")
    expect(rows.first).to_contain_text("with the key “a key”")
    look(page, "commits")
    page.get_by_role("link", name="Older").click()
    expect(rows.first.get_by_role("link", name="70")).to_be_visible()
    page.get_by_role("link", name="Older").click()
    expect(rows).to_have_count(20)
    expect(page.get_by_text("This is where the log begins.")).to_be_visible()
    page.get_by_role("link", name="← Newer").click()
    expect(rows.first.get_by_role("link", name="70")).to_be_visible()
    page.get_by_role("link", name="Newest").click()
    expect(rows.first.get_by_role("link", name="120")).to_be_visible()


def test_to_a_time_and_to_one_commit(visitor, look):
    device = visitor.new_device()
    fill(device)
    page = visitor.open(f"{device.path}/commits")
    # 2026-09-21 14:13:20 UTC is 16:13:20 in Berlin; the 31st commit is half an hour later.
    page.get_by_label("Go to a time").fill("2026-09-21T16:43:30")
    page.get_by_role("button", name="Show").click()
    first = page.locator(".log > li").first
    expect(first).to_have_attribute("aria-current", "true")
    expect(page.get_by_label("Go to a time")).to_have_value("2026-09-21T16:43:30")
    first.get_by_role("link", name="31").click()
    expect(page.get_by_role("heading", name="Commit 31")).to_be_visible()
    expect(page.get_by_role("row", name="temperature")).to_contain_text("23.75")
    look(page, "commit")
    page.get_by_role("link", name="Commit 30, the one before").click()
    expect(page.get_by_role("heading", name="Commit 30")).to_be_visible()
    page.get_by_role("link", name="In the log").click()
    expect(page.locator(".log > li").first.get_by_role("link", name="30")).to_be_visible()


def test_values_are_deleted_and_brought_back(visitor, look):
    device = visitor.new_device()
    fill(device)
    page = visitor.open(f"{device.path}/commits")
    page.get_by_role("link", name="Delete values…").click()
    page.get_by_role("button", name="Count").click()
    expect(page.get_by_text("Say when.")).to_have_count(2)
    page.get_by_label("note").uncheck()
    page.get_by_label("From").fill("2026-09-21T16:43:20")
    page.get_by_label("To").fill("2026-09-21T16:53:20")
    page.get_by_role("button", name="Count").click()
    expect(page.get_by_role("heading", name="20 values would be hidden")).to_be_visible()
    look(page, "value-deletion")
    page.get_by_role("button", name="Delete 20 values").click()
    expect(page.get_by_text("Say why, for those who will miss the values later.")).to_be_visible()
    page.get_by_label("Why").fill("the sensor lay in the sun")
    page.get_by_role("button", name="Delete 20 values").click()
    record = page.locator("#deletions li")
    expect(record).to_contain_text("20 values of door, temperature")
    expect(record).to_contain_text("the sensor lay in the sun")
    expect(record).to_contain_text(visitor.email)
    page.get_by_label("Go to a time").fill("2026-09-21T16:45:20")
    page.get_by_role("button", name="Show").click()
    row = page.locator(".log > li").first
    expect(row).to_contain_text("temperature deleted")
    expect(row).to_contain_text("round 32")
    look(page, "commits-deleted")
    page.get_by_role("button", name="Undo").click()
    expect(record).to_contain_text("Shown again")
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)


def test_gaps_and_many_values_and_several_origins(visitor, look):
    device = visitor.new_device()
    entry = {"timestamp": NOON, "values": [{"field 0": 0.5}]}
    send(visitor, device, "entries/", json.dumps({"clientTimestamp": NOON, "entries": [entry]}).encode())
    commits = [
        Commit(1, NOON * 10**6, (("field 1", 1),), "before the gap", uncertain=True),
        Commit(5, (NOON + 60) * 10**6, (("field 1", 2),), None, 90_000_000),
    ]
    gap = Gap(2, 3, "set aside: the server refused the field 'camera'")
    content = encode_content(pack_from_commits(uuid.uuid4(), commits, parent=NO_PACK, gaps=[gap]))
    send(visitor, device, "packs", encode_frame(content, epoch=visitor.server.storage.epoch))
    with device.open() as api:
        for n in range(12):
            api.add_value(f"field {n}", n)
        api.commit("twelve at once")
        api.push()
    page = visitor.open(f"{device.path}/commits")
    page.get_by_role("link", name="and 4 more").click()
    expect(page.locator(".values").first).to_contain_text("field 11")
    expect(page.get_by_text("clock uncertain")).to_be_visible()
    expect(page.get_by_text("corrected since")).to_be_visible()
    look(page, "commits-many")
    page.get_by_role("link", name="2–4").click()
    expect(page.get_by_role("heading", name="Commits 2 to 4: a gap")).to_be_visible()
    expect(page.get_by_text("the server refused the field 'camera'")).to_be_visible()
    look(page, "commit-gap")
    page.get_by_role("link", name="In the log").click()
    page.get_by_label("Origin").select_option(label="JSON v1 (up to 1)")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".log > li")).to_have_count(1)
    expect(page.locator(".log > li")).to_contain_text("d behind")


def test_a_chart_leads_to_the_deletion_of_what_it_shows(visitor):
    device = visitor.new_device()
    fill(device)
    page = visitor.open(f"{device.path}/charts?from=2026-09-21T14:43:20Z&to=2026-09-21T14:53:20Z&fields=temperature")
    page.get_by_role("link", name="Delete values…").click()
    expect(page.get_by_role("heading", name="values would be hidden")).to_be_visible()
    expect(page.get_by_label("From")).to_have_value("2026-09-21T16:43:20")
    expect(page.locator("#end")).to_have_value("2026-09-21T16:53:20")
    expect(page.get_by_text("10 of temperature")).to_be_visible()


def test_it_works_without_script(arrive, server):
    visitor = arrive(server, java_script_enabled=False)
    device = visitor.new_device()
    device.push({"temperature": 1.5}, time=NOON)
    page = visitor.open(f"{device.path}/commits")
    page.get_by_label("Go to a time").fill("2026-09-21T14:13:20.000")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".log > li").first).to_contain_text("2026-09-21T14:13:20Z")
    page.get_by_role("link", name="Delete values…").click()
    page.get_by_label("From").fill("2026-09-21T14:13:20.000")
    page.get_by_label("To").fill("2026-09-21T14:13:21.000")
    page.get_by_role("button", name="Count").click()
    page.get_by_label("Why").fill("a test")
    page.get_by_role("button", name="Delete 1 value").click()
    expect(page.locator("#deletions li")).to_contain_text("1 value of all fields")
    assert time.time() > NOON
