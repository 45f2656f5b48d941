-- The queue's state. Times are milliseconds since 1970-01-01 UTC; digests are 64 hex digits.

CREATE TABLE request (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    asked_by TEXT NOT NULL,
    -- Forgotten (NULL) after the time in which a repeated call is recognised.
    idempotency_key TEXT,
    digest TEXT NOT NULL,
    submitted INTEGER NOT NULL,
    UNIQUE (asked_by, idempotency_key)
) STRICT;

CREATE TABLE task (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    request INTEGER NOT NULL REFERENCES request (id),
    asked_by TEXT NOT NULL,
    kind TEXT NOT NULL,
    spec TEXT NOT NULL,
    label TEXT NOT NULL,
    priority INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('blocked', 'ready', 'leased', 'succeeded', 'failed', 'aborted', 'cancelled')),
    submitted INTEGER NOT NULL,
    not_before INTEGER,
    attempts INTEGER NOT NULL,
    infra_failures INTEGER NOT NULL,
    cancel_by TEXT,
    cancel_reason TEXT,
    cancel_at INTEGER,
    ended INTEGER,
    failure TEXT,
    retry_of INTEGER REFERENCES task (id),
    retried_by INTEGER REFERENCES task (id),
    revision INTEGER NOT NULL,
    CHECK ((ended IS NOT NULL) = (state IN ('succeeded', 'failed', 'aborted', 'cancelled')))
) STRICT;
CREATE INDEX task_ready ON task (rank, id) WHERE state = 'ready';
CREATE INDEX task_request ON task (request);
CREATE INDEX task_state ON task (state, id);

CREATE TABLE task_after (
    task INTEGER NOT NULL REFERENCES task (id),
    dependency INTEGER NOT NULL REFERENCES task (id),
    PRIMARY KEY (task, dependency)
) STRICT, WITHOUT ROWID;
CREATE INDEX task_after_dependency ON task_after (dependency, task);

CREATE TABLE attempt (
    task INTEGER NOT NULL REFERENCES task (id),
    number INTEGER NOT NULL,
    worker TEXT NOT NULL,
    instance TEXT NOT NULL,
    state TEXT NOT NULL,
    token_hash TEXT NOT NULL,
    claim_key TEXT NOT NULL UNIQUE,
    counter INTEGER NOT NULL,
    log_size INTEGER NOT NULL,
    log_sha256 TEXT,
    log_total INTEGER,
    leased INTEGER NOT NULL,
    started INTEGER,
    ended INTEGER,
    failure TEXT,
    completion TEXT,
    revision INTEGER NOT NULL,
    PRIMARY KEY (task, number),
    CHECK ((ended IS NULL) = (state IN ('leased', 'running')))
) STRICT, WITHOUT ROWID;
-- At most one attempt holds a task.
CREATE UNIQUE INDEX attempt_open ON attempt (task) WHERE ended IS NULL;

CREATE TABLE log_chunk (
    task INTEGER NOT NULL,
    number INTEGER NOT NULL,
    start INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (task, number, start)
) STRICT;

CREATE TABLE avoid (
    worker TEXT NOT NULL,
    task INTEGER NOT NULL REFERENCES task (id),
    until INTEGER NOT NULL,
    PRIMARY KEY (worker, task)
) STRICT, WITHOUT ROWID;

CREATE TABLE result (
    task INTEGER NOT NULL,
    number INTEGER NOT NULL,
    record TEXT,
    PRIMARY KEY (task, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE artifact (
    task INTEGER NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (task, number, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX artifact_sha256 ON artifact (sha256);

CREATE TABLE build (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task INTEGER NOT NULL,
    number INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    source TEXT NOT NULL,
    version TEXT NOT NULL,
    record TEXT NOT NULL,
    UNIQUE (task, number)
) STRICT;
CREATE INDEX build_source ON build (source, version);

CREATE TABLE worker (
    name TEXT PRIMARY KEY,
    instance TEXT NOT NULL,
    capabilities TEXT NOT NULL,
    mode TEXT NOT NULL,
    failures INTEGER NOT NULL,
    quarantined INTEGER,
    seen INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tag (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    parents TEXT NOT NULL,
    blocked TEXT NOT NULL
) STRICT;

CREATE TABLE tag_build (
    tag TEXT NOT NULL REFERENCES tag (name),
    build INTEGER NOT NULL REFERENCES build (id),
    since INTEGER NOT NULL,
    PRIMARY KEY (tag, build)
) STRICT, WITHOUT ROWID;

CREATE TABLE tag_history (
    tag TEXT NOT NULL REFERENCES tag (name),
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    made_by TEXT NOT NULL,
    action TEXT NOT NULL,
    build INTEGER,
    text TEXT NOT NULL,
    PRIMARY KEY (tag, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    task INTEGER,
    number INTEGER,
    tag TEXT,
    worker TEXT,
    kind TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX event_task ON event (task, place) WHERE task IS NOT NULL;

-- What has ended never changes, and histories only grow, whoever writes.
CREATE TRIGGER task_ended BEFORE UPDATE OF state, ended ON task WHEN OLD.ended IS NOT NULL AND NEW.state <> OLD.state
BEGIN SELECT RAISE(ABORT, 'an ended task never changes its state'); END;
CREATE TRIGGER attempt_ended BEFORE UPDATE ON attempt WHEN OLD.ended IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'an ended attempt never changes'); END;
CREATE TRIGGER tag_history_kept BEFORE UPDATE ON tag_history
BEGIN SELECT RAISE(ABORT, 'the history of a tag only grows'); END;
CREATE TRIGGER tag_history_stays BEFORE DELETE ON tag_history
BEGIN SELECT RAISE(ABORT, 'the history of a tag only grows'); END;
CREATE TRIGGER event_kept BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'events only grow'); END;
