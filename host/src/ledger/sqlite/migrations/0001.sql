-- Version 1 of the embedded ledger. Times are ms since the Unix epoch; words are those of `delivery.rs`.
-- Statements that the host runs often use the partial indexes below by name: their WHERE clauses must agree.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
    seq           INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    path          TEXT NOT NULL,
    hub_id        TEXT,
    webhook_id    TEXT,
    scope         TEXT NOT NULL,
    action        TEXT NOT NULL,
    repo_type     TEXT,
    repo_name     TEXT,
    repo_id       TEXT,
    discussion_id TEXT,
    received_ms   INTEGER NOT NULL,
    body_sha256   BLOB NOT NULL,
    body_bytes    INTEGER NOT NULL,
    dup_count     INTEGER NOT NULL DEFAULT 0,
    dup_last_ms   INTEGER,
    state         TEXT NOT NULL
) STRICT;

-- `list --state pending` and `--state dead` must not walk a long history of settled deliveries.
CREATE INDEX deliveries_unsettled ON deliveries (state) WHERE state <> 'settled';

-- Apart from `deliveries`, so that lists do not read bodies. `packing` 0 is plain, 1 is zstd.
CREATE TABLE payloads (
    seq     INTEGER PRIMARY KEY,
    packing INTEGER NOT NULL,
    body    BLOB NOT NULL,
    headers TEXT NOT NULL
) STRICT;

-- One `Webhook-Id` may have come with several bodies: each is its own delivery. Rows outlive their delivery.
CREATE TABLE dedup (
    path        TEXT NOT NULL,
    hub_id      TEXT NOT NULL,
    body_sha256 BLOB NOT NULL,
    delivery    TEXT NOT NULL,
    expires_ms  INTEGER NOT NULL,
    PRIMARY KEY (path, hub_id, body_sha256)
) STRICT, WITHOUT ROWID;

CREATE INDEX dedup_expiry ON dedup (expires_ms);

CREATE TABLE runs (
    seq           INTEGER PRIMARY KEY,
    id            TEXT NOT NULL,
    delivery      INTEGER NOT NULL,
    plugin        TEXT NOT NULL,
    replay        INTEGER NOT NULL,
    replay_of     TEXT,
    state         TEXT NOT NULL,
    gate          TEXT NOT NULL,
    lane          TEXT NOT NULL,
    due_ms        INTEGER NOT NULL,
    scope         TEXT NOT NULL,
    action        TEXT NOT NULL,
    routed_digest TEXT NOT NULL,
    order_key     TEXT,
    debounce_key  TEXT,
    first_ms      INTEGER NOT NULL,
    stands_for    INTEGER NOT NULL DEFAULT 0,
    claims        INTEGER NOT NULL DEFAULT 0,
    attempts      INTEGER NOT NULL DEFAULT 0,
    losses        INTEGER NOT NULL DEFAULT 0,
    conflicts     INTEGER NOT NULL DEFAULT 0,
    lease_owner   TEXT,
    lease_token   INTEGER,
    lease_until   INTEGER,
    reason        TEXT,
    UNIQUE (delivery, plugin, replay)
) STRICT;

-- What is claimed next: its size is that of the backlog, not of the history.
CREATE INDEX runs_pending ON runs (plugin, gate, lane, due_ms) WHERE state = 'pending';

-- Whose lease runs out next.
CREATE INDEX runs_running ON runs (lease_until) WHERE state = 'running';

-- The few runs that want the host, or their plugin, to themselves: LOSSES_ and CONFLICTS_BEFORE_ALONE.
CREATE INDEX runs_alone ON runs (due_ms)
    WHERE state IN ('pending', 'running') AND gate = 'ready' AND (losses >= 2 OR conflicts >= 3);

CREATE TABLE attempts (
    run               INTEGER NOT NULL,
    n                 INTEGER NOT NULL,
    version           TEXT,
    digest            TEXT,
    started_ms        INTEGER NOT NULL,
    outcome           TEXT,
    output            TEXT,
    fuel              INTEGER,
    fuel_limit        INTEGER,
    memory_peak_bytes INTEGER,
    wall_ms           INTEGER,
    calls             TEXT,
    trap              TEXT,
    PRIMARY KEY (run, n)
) STRICT, WITHOUT ROWID;

-- JSON lines, zstd; `bytes` is their length unpacked.
CREATE TABLE attempt_logs (
    run   INTEGER NOT NULL,
    n     INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    lines BLOB NOT NULL,
    PRIMARY KEY (run, n)
) STRICT, WITHOUT ROWID;

-- `active` is the digest of the version that runs. A paused plugin keeps its state; `paused_by` says who paused it.
CREATE TABLE plugins (
    name            TEXT PRIMARY KEY,
    active          TEXT,
    candidate       TEXT,
    manifest        TEXT,
    state           TEXT NOT NULL,
    reason          TEXT,
    paused_by       TEXT,
    failures_in_row INTEGER NOT NULL DEFAULT 0,
    own_author_id   TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE plugin_state (
    plugin  TEXT NOT NULL,
    key     TEXT NOT NULL,
    value   BLOB NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (plugin, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE budgets (
    plugin TEXT NOT NULL,
    kind   TEXT NOT NULL,
    key    TEXT NOT NULL,
    window INTEGER NOT NULL,
    used   INTEGER NOT NULL,
    PRIMARY KEY (plugin, kind, key, window)
) STRICT, WITHOUT ROWID;

-- Totals, kept by the transactions that change what they count. `plugin` is empty for those of the whole ledger.
CREATE TABLE counters (
    name   TEXT NOT NULL,
    plugin TEXT NOT NULL,
    value  INTEGER NOT NULL,
    PRIMARY KEY (name, plugin)
) STRICT, WITHOUT ROWID;
