-- Rows as of the head of the log; a row's body is JSON that SQL never looks into.
CREATE TABLE rows (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    revision BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;

-- Keys that one owner may hold.
CREATE TABLE claims (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    owner_kind TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;

-- Every change there ever was; an entry is JSON.
CREATE TABLE log (
    revision BIGINT NOT NULL PRIMARY KEY,
    time_us BIGINT NOT NULL,
    entry TEXT NOT NULL
);

-- One row: the secret of the installation and the number of the last entry of the log.
CREATE TABLE installation (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    secret BLOB NOT NULL,
    head BIGINT NOT NULL
);
