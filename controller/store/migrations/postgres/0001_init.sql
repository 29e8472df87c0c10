-- Rows as of the head of the log; a row's body is JSON that SQL never looks into.
-- Keys compare by byte, as they do on SQLite, whatever the locale of the database is.
CREATE TABLE rows (
    kind TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id)
);

-- Keys that one owner may hold.
CREATE TABLE claims (
    kind TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    owner_kind TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    PRIMARY KEY (kind, key)
);

-- Every change there ever was; an entry is JSON.
CREATE TABLE log (
    revision BIGINT NOT NULL PRIMARY KEY,
    time_us BIGINT NOT NULL,
    entry TEXT NOT NULL
);

-- One row: the secret of the installation and the number of the last entry of the log.
-- The row is locked and replaced at every commit, so its pages keep room for the next version.
CREATE TABLE installation (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    secret BYTEA NOT NULL,
    head BIGINT NOT NULL
) WITH (fillfactor = 10);
