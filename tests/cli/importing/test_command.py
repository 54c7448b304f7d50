from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.running import nikdev

from nikdev_iot.cli.importing.command import import_key
from nikdev_iot.cli.importing.selection import SelectionOptions

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"

CSV = """time,temp,on,note
2026-01-01T00:00:00Z,21,true,x
2026-01-01T00:00:00Z,21.0,false,
2026-01-01T00:01:00+01:00,,,
"""


@pytest.fixture
def file(alone):
    path = alone.folder / "rows.csv"
    path.write_text(CSV)
    return path


def _values(number):
    return nikdev("show", number, "--json").json["values"]


def test_each_row_is_one_commit_at_its_own_time(file):
    done = nikdev("import", file, "--time", "time", "--json")
    assert done.code == 0, done.err
    assert (done.json["imported"], done.json["first"], done.json["last"]) == (2, 1, 2)
    assert done.json["skipped"]["without_values"] == 1
    assert _values(1) == {"temp": 21, "on": True, "note": "x"}
    assert repr(_values(2)["temp"]) == "21.0"
    commits = nikdev("log", "--json").json["commits"]
    assert [entry["time_us"] for entry in commits] == [1_767_225_600_000_000] * 2
    assert done.err == ""


def test_a_person_gets_a_summary(file):
    done = nikdev("import", file, "--time", "time")
    assert "rows.csv: 2 commits (1 to 2) of 3 rows" in done.out
    assert "1 float" in done.out
    assert done.err == ""


def test_the_same_file_twice_is_refused_unless_again(file):
    assert nikdev("import", file, "--time", "time").code == 0
    done = nikdev("import", file, "--time", "time")
    assert done.code == 4
    assert "was imported before, as the commits 1 to 2" in done.err
    assert "--again" in done.err
    assert nikdev("status", "--json").json["unpushed"] == 2
    assert nikdev("import", file, "--time", "time", "--again").code == 0
    assert nikdev("status", "--json").json["unpushed"] == 4


def test_a_copy_under_another_name_or_read_otherwise_is_the_same_file(file, alone):
    assert nikdev("import", file, "--time", "time").code == 0
    copy = alone.folder / "copy.csv"
    copy.write_text(CSV)
    assert nikdev("import", copy, "--time", "time").code == 4
    assert nikdev("import", file, "--time", "time", "--timezone", "UTC", "--float", "temp").code == 4


def test_other_rows_or_columns_of_it_are_another_import(file):
    assert nikdev("import", file, "--time", "time", "--columns", "temp").code == 0
    assert nikdev("import", file, "--time", "time", "--columns", "on").code == 0
    assert nikdev("import", file, "--time", "time", "--columns", "on", "--where", "note=x").code == 0
    assert nikdev("import", file, "--time", "time", "--columns", "temp").code == 4


def test_what_an_import_is_known_by(file):
    options = SelectionOptions(time=("time",), columns=("a", "b"), where=("c=1",))
    key = import_key(file, options)
    assert key == import_key(file, SelectionOptions(time=("t",), columns=("b", "a"), where=("c=1",), floats=("a",)))
    assert key != import_key(file, SelectionOptions(time=("time",), columns=("a", "b"), where=("c=2",)))
    file.write_text(CSV + "\n")
    assert key != import_key(file, options)


def test_one_bad_row_and_nothing_is_imported(file):
    file.write_text(CSV + "yesterday,1,true,\n2026-01-02T00:00:00Z,nan,true,\n")
    done = nikdev("import", file, "--time", "time", "--json")
    assert done.code == 4
    assert [note["line"] for note in done.error["problems"]] == [5, 6]
    assert nikdev("status", "--json").json["unpushed"] == 0
    # It was not imported, so that it is not refused as the same file the next time.
    done = nikdev("import", file, "--time", "time", "--skip-bad", "--json")
    assert (done.json["imported"], done.json["skipped"]["bad"]) == (2, 2)
    assert [note["line"] for note in done.json["bad_rows"]] == [5, 6]


def test_a_dry_run_imports_nothing_and_needs_no_device(file, tmp_path, monkeypatch):
    elsewhere = tmp_path.parent / "no device here"
    elsewhere.mkdir(exist_ok=True)
    monkeypatch.chdir(elsewhere)
    done = nikdev("import", file, "--time", "time", "--dry-run", "--json")
    assert (done.json["commits"], done.json["imported"]) == (2, 0)
    monkeypatch.chdir(file.parent)
    assert nikdev("status", "--json").json["unpushed"] == 0


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--time", "tme"), 4, "no column 'tme' (--time)"),
        (("--time", "time", "--timezone", "Europe/Atlantis"), 2, "no time zone 'Europe/Atlantis'"),
        (("--time", "time", "--time-format", "%Q"), 2, "cannot be used"),
        (("--time", "time", "--delimiter", "ab"), 2, "not one character"),
        (("--time", "time", "--encoding", "klingon"), 2, "not known"),
        (("--time", "time", "--where", "note"), 4, "not of the form COLUMN=VALUE"),
        ((), 2, "--time"),
    ],
)
def test_options_that_cannot_be(file, options, code, said):
    done = nikdev("import", file, *options)
    assert done.code == code
    assert said in done.err
    assert nikdev("status", "--json").json["unpushed"] == 0


def test_a_file_that_is_not_there(alone):
    done = nikdev("import", "nothing.csv", "--time", "time")
    assert done.code == 2
    assert "nothing.csv" in done.err


@pytest.mark.parametrize(("name", "sign"), [("tab", "\t"), ("|", "|"), ("semicolon", ";"), (" ", " ")])
def test_delimiters_by_name(alone, name, sign):
    (alone.folder / "x.csv").write_text(f"t{sign}a,b\n5{sign}1,5\n")
    done = nikdev("import", "x.csv", "--time", "t", "--time-format", "epoch", "--delimiter", name, "--rename", "a,b=ab")
    assert done.code == 0, done.err
    assert _values(1) == {"ab": "1,5"}


# -- the recordings, with the options that a person would give ------------------------------------------

RECORDINGS = [
    (
        "machine_temperature_system_failure.csv",
        ("--time", "timestamp", "--timezone", "America/New_York"),
        22_695,
        22_695,
        {},
    ),
    ("O_ASSEN-gps-2018.csv", ("--time", "timestamp", "--timezone", "UTC"), 14_893, 14_893 * 20 - 4 * 24, {}),
    (
        "O_ASSEN-gps-2018.csv",
        (
            "--time",
            "timestamp",
            "--timezone",
            "UTC",
            "--where",
            "tag-local-identifier=5642",
            "--columns",
            "ground-speed",
        ),
        5_870,
        5_870,
        {"where": 9_013, "without_values": 10},
    ),
    (
        "AirQualityUCI.csv",
        (
            *("--time", "Date", "--time", "Time", "--time-format", "%m/%d/%Y %H:%M:%S"),
            *("--timezone", "Europe/Rome", "--missing", "-200", "--missing", "-200.0"),
        ),
        9_326,
        104_940,
        {"blank": 114, "without_values": 31},
    ),
    ("system_15_poa_irradiance.csv", ("--time", "measured_on"), 152_228, 152_228, {"without_values": 13_360}),
    ("iot_mqtt_raw_data_large.json", ("--time", "ts", "--time-format", "epoch"), 9_995, 9_995 * 9, {}),
    (
        "iot_mqtt_raw_data_large.json",
        (
            "--time",
            "ts",
            "--time-format",
            "epoch",
            "--where",
            "device=iot-device-01",
            "--columns",
            "data.temp,data.light",
        ),
        2_713,
        2 * 2_713,
        {"where": 7_282},
    ),
]


@pytest.mark.skipif(not DATA.exists(), reason="the recordings are not here")
@pytest.mark.parametrize(
    ("name", "options", "commits", "values", "skipped"), RECORDINGS, ids=lambda value: str(value)[:20]
)
def test_recordings_are_read_as_they_are(name, options, commits, values, skipped):
    done = nikdev("import", DATA / name, *options, "--dry-run", "--json")
    assert done.code == 0, done.err
    assert (done.json["commits"], done.json["values"]) == (commits, values)
    assert {what: count for what, count in done.json["skipped"].items() if count} == skipped


@pytest.mark.skipif(not DATA.exists(), reason="the recordings are not here")
def test_what_a_recording_leaves_to_say():
    options = (
        "--time",
        "Date",
        "--time",
        "Time",
        "--time-format",
        "%m/%d/%Y %H:%M:%S",
        "--missing",
        "-200",
        "--dry-run",
    )
    done = nikdev("import", DATA / "AirQualityUCI.csv", *options, "--timezone", "Europe/Rome")
    assert "Kept: 457 cells with -200.0" in done.out
    assert "line 418: 3/28/2004 2:00:00" in done.out
    assert "line 9154: 3/27/2005 2:00:00" in done.out
    assert "--timezone +01:00" in done.out
    done = nikdev("import", DATA / "AirQualityUCI.csv", *options)
    assert done.code == 4
    assert "has no offset" in done.err
