-- The token service's schema, in the subset that SQLite and PostgreSQL share.
-- Numbers of cards and tokens are sealed (AES-256-GCM) and found by keyed blind indexes only.

CREATE TABLE devices (
    se_id TEXT PRIMARY KEY,
    model TEXT NOT NULL,
    state TEXT NOT NULL,
    attestation_point BYTEA NOT NULL,
    domain_point BYTEA NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE tasks (
    requestor_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    operation TEXT NOT NULL,
    body_hash BYTEA NOT NULL,
    answer TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (requestor_id, task_id)
);

-- `card_id` is the blind index of the card's number, in hex.
CREATE TABLE cards (
    card_id TEXT PRIMARY KEY,
    fpan_sealed BYTEA NOT NULL,
    expiry_sealed BYTEA NOT NULL,
    par TEXT NOT NULL UNIQUE,
    created_ms BIGINT NOT NULL
);

CREATE TABLE eligibilities (
    eligibility_id TEXT PRIMARY KEY,
    requestor_id TEXT NOT NULL,
    se_id TEXT NOT NULL REFERENCES devices (se_id),
    card_sealed BYTEA,
    challenge BYTEA NOT NULL,
    terms_id TEXT NOT NULL,
    expires_ms BIGINT NOT NULL,
    used_by_task TEXT,
    created_ms BIGINT NOT NULL
);

CREATE TABLE tokens (
    token_reference TEXT PRIMARY KEY,
    requestor_id TEXT NOT NULL,
    card_id TEXT NOT NULL REFERENCES cards (card_id),
    se_id TEXT NOT NULL REFERENCES devices (se_id),
    dpan_index BYTEA NOT NULL UNIQUE,
    dpan_sealed BYTEA NOT NULL,
    dpan_last4 TEXT NOT NULL,
    expiry_yymm TEXT NOT NULL,
    psn TEXT NOT NULL,
    product TEXT NOT NULL,
    key_index INTEGER NOT NULL,
    instance_aid BYTEA NOT NULL,
    card_last4 TEXT NOT NULL,
    issuer_name TEXT NOT NULL,
    card_name TEXT NOT NULL,
    card_art TEXT NOT NULL,
    idv_id TEXT NOT NULL,
    methods TEXT NOT NULL,
    state TEXT NOT NULL,
    suspended_by TEXT NOT NULL,
    personalised INTEGER NOT NULL,
    verified INTEGER NOT NULL,
    ordered TEXT NOT NULL,
    atc_high INTEGER NOT NULL,
    atc_window BYTEA NOT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);

CREATE INDEX tokens_by_device ON tokens (se_id, card_id);

-- At most one active token per card and secure element, whatever the code does.
CREATE UNIQUE INDEX tokens_one_active ON tokens (card_id, se_id) WHERE state = 'active';

-- The number of the last instance on a secure element per registered AID, and of the last script per domain.
CREATE TABLE counters (
    se_id TEXT NOT NULL REFERENCES devices (se_id),
    name TEXT NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (se_id, name)
);

CREATE TABLE scripts (
    se_id TEXT NOT NULL REFERENCES devices (se_id),
    domain_aid BYTEA NOT NULL,
    number INTEGER NOT NULL,
    requestor_id TEXT NOT NULL,
    token_reference TEXT REFERENCES tokens (token_reference),
    purpose TEXT NOT NULL,
    plain_hash BYTEA NOT NULL,
    instance_aid BYTEA NOT NULL,
    package TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    receipt_body BYTEA,
    receipt_answer TEXT,
    counted_ms BIGINT,
    PRIMARY KEY (se_id, domain_aid, number)
);

CREATE INDEX scripts_by_token ON scripts (token_reference, number);

CREATE TABLE leases (
    se_id TEXT NOT NULL REFERENCES devices (se_id),
    unlock_counter INTEGER NOT NULL,
    opened_ms BIGINT NOT NULL,
    PRIMARY KEY (se_id, unlock_counter)
);

CREATE TABLE authorizations (
    token_reference TEXT NOT NULL REFERENCES tokens (token_reference),
    atc INTEGER NOT NULL,
    trace TEXT NOT NULL,
    cryptogram BYTEA NOT NULL,
    result TEXT NOT NULL,
    verdict TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    response_code TEXT,
    auth_code TEXT,
    issuer_data BYTEA,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (token_reference, atc)
);
