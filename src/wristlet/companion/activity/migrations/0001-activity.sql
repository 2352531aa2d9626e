-- One row per log of a strap: the next record to ask for, and where it stands.
CREATE TABLE logs (
    log_id BLOB PRIMARY KEY,
    strap TEXT NOT NULL,
    next_record INTEGER NOT NULL
);

-- Every minute of the strap once, by its record number. utc_s and zone_min are null while the
-- strap's clock had not been set since its start.
CREATE TABLE minutes (
    log_id BLOB NOT NULL REFERENCES logs (log_id),
    record INTEGER NOT NULL,
    boot INTEGER NOT NULL,
    tick_s INTEGER NOT NULL,
    utc_s INTEGER,
    zone_min INTEGER,
    seconds INTEGER NOT NULL,
    steps INTEGER NOT NULL,
    moving_s INTEGER NOT NULL,
    count INTEGER NOT NULL,
    heart_bpm INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    worn INTEGER NOT NULL,
    asleep INTEGER NOT NULL,
    PRIMARY KEY (log_id, record)
) WITHOUT ROWID;

CREATE INDEX minutes_by_day ON minutes (utc_s);
CREATE INDEX minutes_without_clock ON minutes (log_id, boot) WHERE utc_s IS NULL;

-- Records that the strap overwrote before the phone had them: from first up to, not including, end.
CREATE TABLE gaps (
    log_id BLOB NOT NULL REFERENCES logs (log_id),
    first INTEGER NOT NULL,
    end INTEGER NOT NULL,
    utc_s INTEGER,
    zone_min INTEGER,
    PRIMARY KEY (log_id, first)
) WITHOUT ROWID;
