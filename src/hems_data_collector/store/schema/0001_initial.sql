-- Times are integers since 1970-01-01 UTC: columns named *_us in microseconds, `at` and *_at and *_end in seconds.
-- Energy is the meter's raw counts with a row of `scales`: kWh = raw x coefficient x 10^exponent.

CREATE TABLE meters (
    id            INTEGER PRIMARY KEY,
    key           TEXT    NOT NULL UNIQUE,
    maker         TEXT,
    serial        TEXT,
    node_id       TEXT,
    mac           TEXT,
    name          TEXT,                        -- what the owner calls it, where several meters are configured
    exports       INTEGER NOT NULL DEFAULT 0,  -- 1: its half hours have an export register too
    first_seen_us INTEGER NOT NULL,
    last_seen_us  INTEGER NOT NULL
);

CREATE TABLE scales (
    id          INTEGER PRIMARY KEY,
    exponent    INTEGER NOT NULL,
    coefficient INTEGER NOT NULL,
    digits      INTEGER NOT NULL,
    UNIQUE (exponent, coefficient, digits)
);

CREATE TABLE ports (
    port       TEXT PRIMARY KEY,
    remembered BLOB NOT NULL                   -- JSON
);

-- The log: readings and half-hour records share one sequence, which grows in the order of the commits.
-- `first` is the least number of this file; a file that follows a damaged one starts above all numbers of that one.
CREATE TABLE log (
    first INTEGER NOT NULL
);
INSERT INTO log (first) VALUES (1);

-- No index on time: `hours` finds the numbers of a range of time.
CREATE TABLE readings (
    seq              INTEGER PRIMARY KEY,
    meter            INTEGER NOT NULL REFERENCES meters (id),
    received_us      INTEGER NOT NULL,
    power_w          INTEGER,
    r_da             INTEGER,                  -- tenths of an ampere
    t_da             INTEGER,
    import_raw       INTEGER,
    export_raw       INTEGER,
    fixed_at         INTEGER,
    fixed_import_raw INTEGER,
    fixed_export_raw INTEGER,
    scale            INTEGER NOT NULL REFERENCES scales (id),
    recent_end       INTEGER,
    recent_raw       INTEGER,
    lqi              INTEGER,
    marks            INTEGER NOT NULL          -- 1 two-wire, 2 the clock was not set, 4 the clock was stepped back
);

CREATE TABLE hours (
    meter       INTEGER NOT NULL REFERENCES meters (id),
    hour        INTEGER NOT NULL,              -- hours since 1970-01-01 UTC
    first_seq   INTEGER NOT NULL,
    last_seq    INTEGER NOT NULL,
    newest_us   INTEGER NOT NULL,              -- the latest received_us in it
    readings    INTEGER NOT NULL,
    powers      INTEGER NOT NULL,              -- how many of them have a power
    power_sum   INTEGER NOT NULL,
    power_min   INTEGER,
    power_max   INTEGER,
    PRIMARY KEY (meter, hour)
) WITHOUT ROWID;

-- Registers at hh:00 and hh:30 by the meter's clock. *_used and seq belong to the half hour that ends at `at`.
CREATE TABLE half_hours (
    meter       INTEGER NOT NULL REFERENCES meters (id),
    at          INTEGER NOT NULL,
    import_raw  INTEGER,
    export_raw  INTEGER,
    scale       INTEGER NOT NULL REFERENCES scales (id),
    source      INTEGER NOT NULL,              -- 0 notification, 1 poll, 2 history 1, 3 history 2
    import_used INTEGER,                       -- counts since `at` - 30 min, where that register is known
    export_used INTEGER,
    seq         INTEGER,                       -- its record's place in the log, once there is one
    PRIMARY KEY (meter, at)
) WITHOUT ROWID;
CREATE UNIQUE INDEX half_hours_by_seq ON half_hours (seq) WHERE seq IS NOT NULL;

-- Sums of `half_hours` over days from midnight to midnight in Japan (UTC+9).
CREATE TABLE ledger_days (
    meter       INTEGER NOT NULL REFERENCES meters (id),
    day         INTEGER NOT NULL,              -- days since 1970-01-01 in Japan
    scale       INTEGER NOT NULL REFERENCES scales (id),
    import_used INTEGER,                       -- of half hours that begin in it
    export_used INTEGER,
    half_hours  INTEGER NOT NULL,              -- how many of them have an import_used
    imports     INTEGER NOT NULL,              -- how many registers in it have an import_raw
    complete    INTEGER NOT NULL,              -- how many of them have an export_raw too
    PRIMARY KEY (meter, day, scale)
) WITHOUT ROWID;

-- What a source said otherwise than the register that is kept; -1 stands for no value.
CREATE TABLE conflicts (
    meter      INTEGER NOT NULL REFERENCES meters (id),
    at         INTEGER NOT NULL,
    source     INTEGER NOT NULL,
    import_raw INTEGER NOT NULL,
    export_raw INTEGER NOT NULL,
    scale      INTEGER NOT NULL REFERENCES scales (id),
    seen_us    INTEGER NOT NULL,
    PRIMARY KEY (meter, at, source, import_raw, export_raw, scale)
) WITHOUT ROWID;

-- Registers that the meter says it never recorded.
CREATE TABLE absent (
    meter     INTEGER NOT NULL REFERENCES meters (id),
    at        INTEGER NOT NULL,
    direction INTEGER NOT NULL,                -- 0 import, 1 export
    asked_us  INTEGER NOT NULL,
    PRIMARY KEY (meter, at, direction)
) WITHOUT ROWID;

-- One-minute registers of meters of release R.
CREATE TABLE minutes (
    meter      INTEGER NOT NULL REFERENCES meters (id),
    at         INTEGER NOT NULL,
    import_raw INTEGER,
    export_raw INTEGER,
    scale      INTEGER NOT NULL REFERENCES scales (id),
    PRIMARY KEY (meter, at)
) WITHOUT ROWID;

CREATE TABLE outputs (
    name              TEXT PRIMARY KEY,
    cursor            INTEGER NOT NULL,        -- everything up to here is done with
    checkpoint        BLOB,
    health            TEXT    NOT NULL DEFAULT 'ok',
    since_us          INTEGER NOT NULL,
    reason            TEXT    NOT NULL DEFAULT '',
    delivered         INTEGER NOT NULL DEFAULT 0,
    last_delivered_us INTEGER,
    removed_us        INTEGER                  -- since when it is not configured any more
) WITHOUT ROWID;

-- Exceptions from the cursor: what is to be sent once more, and what is set aside.
CREATE TABLE replays (
    id       INTEGER PRIMARY KEY,
    output   TEXT    NOT NULL REFERENCES outputs (name) ON DELETE CASCADE,
    next_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    from_us  INTEGER,                          -- only what is of this range of time, where there is one
    to_us    INTEGER,
    kinds    INTEGER NOT NULL                  -- 1 readings, 2 half hours, 3 both
);
CREATE INDEX replays_by_output ON replays (output, id);

CREATE TABLE dead_letters (
    output TEXT    NOT NULL REFERENCES outputs (name) ON DELETE CASCADE,
    seq    INTEGER NOT NULL,
    key    TEXT    NOT NULL,
    reason TEXT    NOT NULL,
    at_us  INTEGER NOT NULL,
    tries  INTEGER NOT NULL,
    PRIMARY KEY (output, seq)
) WITHOUT ROWID;

-- Damaged files that were read: how far their numbers were shifted, and when the last row was in.
CREATE TABLE salvages (
    file        TEXT PRIMARY KEY,
    shift       INTEGER NOT NULL,
    finished_us INTEGER
) WITHOUT ROWID;
