"""The schema, as numbered steps: step n brings a file from `user_version` n-1 to n. A released step never changes.

Ids are 16 bytes, hashes 32, times µs UTC, kinds a bit mask (`port.kinds_mask`). Every table that belongs to a device
leads its key with it, as in the PostgreSQL schema.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from nikdev_iot.server.errors import StorageCorrupt, StorageUnavailable

__all__ = ["APPLICATION_ID", "LATEST", "STEPS", "migrate"]

APPLICATION_ID = 0x4E4B4456
"""`NKDV`: tells our file from any other SQLite file."""

_STEP_1 = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;

-- `origins.py` says what the columns behind the mark are for.
CREATE TABLE origins (
  device BLOB NOT NULL, origin BLOB NOT NULL,
  mark_number INTEGER NOT NULL, mark_hash BLOB NOT NULL,
  first_arrival INTEGER NOT NULL, min_time_us INTEGER, max_time_us INTEGER, arrivals BLOB NOT NULL,
  PRIMARY KEY (device, origin)
) WITHOUT ROWID;

CREATE TABLE shelves (
  device BLOB NOT NULL, origin BLOB NOT NULL, last INTEGER NOT NULL, last_arrival INTEGER NOT NULL,
  -- The number of hexadecimal digits of max_time_us - min_time_us, null where no pack has rows.
  width INTEGER, min_time_us INTEGER, max_time_us INTEGER, arrivals BLOB NOT NULL
);
CREATE UNIQUE INDEX shelves_by_number ON shelves (device, origin, last);
CREATE UNIQUE INDEX shelves_by_arrival ON shelves (device, origin, last_arrival);
CREATE INDEX shelves_by_time ON shelves (device, width, min_time_us, max_time_us) WHERE width IS NOT NULL;

-- No index, on purpose: rows are added at the end, and found through origins and shelves.
CREATE TABLE packs (
  arrival INTEGER PRIMARY KEY,
  device BLOB NOT NULL, origin BLOB NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, hash BLOB NOT NULL, parent BLOB NOT NULL,
  row_count INTEGER NOT NULL, min_time_us INTEGER NOT NULL, max_time_us INTEGER NOT NULL,
  received_us INTEGER NOT NULL, clock_offset_us INTEGER, key_id BLOB,
  codec INTEGER NOT NULL, content_bytes INTEGER NOT NULL, payload BLOB NOT NULL
);

CREATE TABLE entry_keys (
  device BLOB NOT NULL, key BLOB NOT NULL, at_us INTEGER NOT NULL, PRIMARY KEY (device, key)
) WITHOUT ROWID;
CREATE INDEX entry_keys_by_time ON entry_keys (at_us);

CREATE TABLE latest (device BLOB PRIMARY KEY, arrival INTEGER NOT NULL, content BLOB NOT NULL);

CREATE TABLE accounts (
  id BLOB PRIMARY KEY, email TEXT NOT NULL UNIQUE, password_hash TEXT NOT NULL, created_us INTEGER NOT NULL
);
CREATE TABLE sessions (
  token_hash BLOB PRIMARY KEY, account BLOB NOT NULL, created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_account ON sessions (account);
CREATE INDEX sessions_by_expiry ON sessions (expires_us);

CREATE TABLE devices (
  id BLOB PRIMARY KEY, account BLOB NOT NULL, name TEXT NOT NULL, created_us INTEGER NOT NULL,
  accepts_new_fields INTEGER NOT NULL
);
CREATE INDEX devices_by_account ON devices (account, created_us, id);

CREATE TABLE fields (
  device BLOB NOT NULL, field_id TEXT NOT NULL, kinds INTEGER NOT NULL,
  unit TEXT NOT NULL, label TEXT NOT NULL, created_us INTEGER NOT NULL,
  PRIMARY KEY (device, field_id)
) WITHOUT ROWID;

CREATE TABLE api_keys (
  id BLOB PRIMARY KEY, device BLOB NOT NULL, name TEXT NOT NULL, secret_hash BLOB NOT NULL,
  can_read INTEGER NOT NULL, can_write INTEGER NOT NULL, created_us INTEGER NOT NULL,
  expires_us INTEGER, revoked_us INTEGER, last_used_us INTEGER
);
CREATE UNIQUE INDEX api_keys_by_secret ON api_keys (device, secret_hash);
"""

_STEP_2 = """
ALTER TABLE devices ADD COLUMN note TEXT NOT NULL DEFAULT '';
-- JSON: a list of texts.
ALTER TABLE devices ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
-- How long it may be quiet before it counts as silent; null for the server's own guess.
ALTER TABLE devices ADD COLUMN silent_after_s INTEGER;
ALTER TABLE devices ADD COLUMN last_push_us INTEGER;

-- '' for a colour of its own accord; null for as many decimals as there are.
ALTER TABLE fields ADD COLUMN color TEXT NOT NULL DEFAULT '';
ALTER TABLE fields ADD COLUMN decimals INTEGER;
ALTER TABLE fields ADD COLUMN position INTEGER;
ALTER TABLE fields ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;

-- Values that are no longer shown: of these fields (JSON list; null for all), with start <= time < end, of this commit
-- where one is named, and stored up to this arrival. The re-packing takes them out.
CREATE TABLE deletions (
  device BLOB NOT NULL, id BLOB NOT NULL, fields TEXT, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL,
  origin BLOB, number INTEGER, arrival INTEGER NOT NULL, value_count INTEGER NOT NULL, reason TEXT NOT NULL,
  made_us INTEGER NOT NULL, made_by TEXT NOT NULL, undone_us INTEGER, undone_by TEXT NOT NULL,
  PRIMARY KEY (device, id)
) WITHOUT ROWID;

CREATE TABLE dashboards (
  id BLOB PRIMARY KEY, account BLOB NOT NULL, name TEXT NOT NULL, content TEXT NOT NULL,
  version INTEGER NOT NULL, created_us INTEGER NOT NULL, changed_us INTEGER NOT NULL,
  share_hash BLOB, shared_us INTEGER
);
CREATE INDEX dashboards_by_account ON dashboards (account, created_us, id);
CREATE UNIQUE INDEX dashboards_by_share ON dashboards (share_hash) WHERE share_hash IS NOT NULL;

-- How large the store was, now and then.
CREATE TABLE size_samples (
  at_us INTEGER PRIMARY KEY, data_bytes INTEGER NOT NULL, commits INTEGER NOT NULL
);

-- Of each account of schema 1: an account, and the person who owns it.
CREATE TABLE people (
  id BLOB PRIMARY KEY, email TEXT NOT NULL UNIQUE, password_hash TEXT NOT NULL, created_us INTEGER NOT NULL,
  is_operator INTEGER NOT NULL, totp_secret TEXT, totp_step INTEGER NOT NULL
);
INSERT INTO people SELECT id, email, password_hash, created_us,
  id = (SELECT id FROM accounts ORDER BY created_us, id LIMIT 1), NULL, 0 FROM accounts;
CREATE TABLE memberships (
  account BLOB NOT NULL, person BLOB NOT NULL,
  -- 1 viewer, 2 editor, 3 owner.
  role INTEGER NOT NULL, created_us INTEGER NOT NULL, PRIMARY KEY (account, person)
) WITHOUT ROWID;
CREATE INDEX memberships_by_person ON memberships (person, created_us);
INSERT INTO memberships SELECT id, id, 3, created_us FROM accounts;
CREATE TABLE accounts_2 (id BLOB PRIMARY KEY, name TEXT NOT NULL, created_us INTEGER NOT NULL);
INSERT INTO accounts_2 SELECT id, email, created_us FROM accounts;
DROP TABLE accounts;
ALTER TABLE accounts_2 RENAME TO accounts;
CREATE TABLE sessions_2 (
  token_hash BLOB PRIMARY KEY, person BLOB NOT NULL, account BLOB NOT NULL,
  created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL, seen_us INTEGER NOT NULL,
  peer TEXT NOT NULL, browser TEXT NOT NULL, awaits_code INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO sessions_2 SELECT token_hash, account, account, created_us, expires_us, created_us, '', '', 0 FROM sessions;
DROP TABLE sessions;
ALTER TABLE sessions_2 RENAME TO sessions;
CREATE INDEX sessions_by_person ON sessions (person, seen_us);
CREATE INDEX sessions_by_expiry ON sessions (expires_us);
CREATE TABLE backup_codes (
  person BLOB NOT NULL, code_hash BLOB NOT NULL, PRIMARY KEY (person, code_hash)
) WITHOUT ROWID;
CREATE TABLE invitations (
  id BLOB PRIMARY KEY, account BLOB, token_hash BLOB NOT NULL UNIQUE, role INTEGER NOT NULL, email TEXT NOT NULL,
  invited_by BLOB NOT NULL, created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL
);
CREATE INDEX invitations_by_account ON invitations (account, created_us, id);
CREATE INDEX invitations_by_expiry ON invitations (expires_us);

CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- Deleted devices; `leaving.py` says how what they sent goes after them. Null until all of it has gone.
CREATE TABLE leaving (device BLOB PRIMARY KEY, left_us INTEGER NOT NULL, cleared_us INTEGER) WITHOUT ROWID;
CREATE INDEX leaving_by_time ON leaving (left_us) WHERE cleared_us IS NULL;
"""

_STEP_3 = """
-- Packs that were re-packed: `segments.py`. All segments of an origin stand before its packs that are in none.
CREATE TABLE segments (
  id INTEGER PRIMARY KEY, device BLOB NOT NULL, origin BLOB NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, first_arrival INTEGER NOT NULL, last_arrival INTEGER NOT NULL,
  row_count INTEGER NOT NULL, pack_count INTEGER NOT NULL,
  -- As in shelves; null where it has no rows.
  width INTEGER, min_time_us INTEGER NOT NULL, max_time_us INTEGER NOT NULL,
  -- In which file its content is (`periods.py`); null for `segment_contents`.
  period INTEGER, size_bytes INTEGER NOT NULL
);
CREATE UNIQUE INDEX segments_by_number ON segments (device, origin, last);
CREATE UNIQUE INDEX segments_by_arrival ON segments (device, origin, last_arrival);
CREATE INDEX segments_by_time ON segments (device, width, min_time_us, max_time_us) WHERE width IS NOT NULL;

-- Of a backup, which is one file.
CREATE TABLE segment_contents (id INTEGER PRIMARY KEY, summary BLOB NOT NULL, body BLOB NOT NULL);

-- Contents that no segment has any more, and when they may go; null: one is being stored.
CREATE TABLE doomed (id INTEGER PRIMARY KEY, device BLOB NOT NULL, period INTEGER, due_us INTEGER);
CREATE INDEX doomed_by_time ON doomed (due_us);

-- What was on shelves, of packs that are in segments now and can be removed.
CREATE TABLE spent (id INTEGER PRIMARY KEY, arrivals BLOB NOT NULL);
INSERT INTO meta VALUES ('segment', 0);

-- When its values were taken out for good, first.
ALTER TABLE deletions ADD COLUMN erased_us INTEGER;
"""

STEPS: tuple[str, ...] = (_STEP_1, _STEP_2, _STEP_3)
LATEST = len(STEPS)


def migrate(connection: sqlite3.Connection, path: Path, *, new_epoch: Callable[[], bytes]) -> None:
    """Bring the file to the newest schema, in one transaction, and give a new one its epoch.

    Raises:
        StorageUnavailable: a newer version wrote it.
        StorageCorrupt: it is a SQLite file of something else.
    """
    if _version(connection) == LATEST and _is_ours(connection):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)  # again: another process may have been faster
        if version > LATEST:
            raise StorageUnavailable(
                f"The store {path} was written by a newer version of nikdev-iot (schema {version}; this one knows "
                f"schema 1 to {LATEST}).",
                hint="It was left as it is. Upgrade nikdev-iot.",
            )
        if not _is_ours(connection) and (
            version or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        ):
            raise StorageCorrupt(
                f"{path} is a SQLite database of another program.",
                hint="It was left as it is. Choose another folder with --data.",
            )
        for step in STEPS[version:]:
            for statement in _statements(step):
                connection.execute(statement)
        if not version:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute("INSERT INTO meta VALUES ('epoch', ?)", (new_epoch(),))
            connection.execute("INSERT INTO meta VALUES ('arrival', 0)")
        connection.execute(f"PRAGMA user_version = {LATEST}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _is_ours(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID)


def _statements(script: str) -> list[str]:
    # Not executescript(): it would commit the transaction first.
    lines = [line for line in script.splitlines() if not line.lstrip().startswith("--")]
    return [part for part in "\n".join(lines).split(";") if part.strip()]
