-- The wallet's schema, in the subset that SQLite and PostgreSQL-compatible engines share.
-- Every key starts with the tenant. Nothing here can hold a card number, a DPAN, a PIN or a key:
-- cards are last four digits and references, scripts are ciphertext for one secure element.

CREATE TABLE tenants (
    tenant_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    phone_root_id TEXT NOT NULL,
    phone_root_point TEXT NOT NULL,
    event_last BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);

-- Found by hash before the tenant is known.
CREATE TABLE api_keys (
    key_hash TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id),
    created_ms BIGINT NOT NULL
);

CREATE TABLE wearers (
    tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id),
    wearer_id TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, wearer_id)
);

-- Found by hash before the tenant is known.
CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    wearer_id TEXT NOT NULL,
    expires_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    FOREIGN KEY (tenant_id, wearer_id) REFERENCES wearers (tenant_id, wearer_id)
);

CREATE TABLE devices (
    tenant_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    wearer_id TEXT NOT NULL,
    name TEXT NOT NULL,
    se_id TEXT NOT NULL,
    model TEXT NOT NULL,
    state TEXT NOT NULL,
    commits_last BIGINT NOT NULL,
    commits_acknowledged BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, device_id),
    UNIQUE (tenant_id, se_id),
    FOREIGN KEY (tenant_id, wearer_id) REFERENCES wearers (tenant_id, wearer_id)
);

CREATE TABLE phones (
    tenant_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    point_hash TEXT NOT NULL,
    certificate TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, device_id, point_hash),
    FOREIGN KEY (tenant_id, device_id) REFERENCES devices (tenant_id, device_id)
);

CREATE TABLE eligibilities (
    tenant_id TEXT NOT NULL,
    eligibility_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    wearer_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    answer TEXT NOT NULL,
    expires_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, eligibility_id),
    UNIQUE (tenant_id, task_id),
    FOREIGN KEY (tenant_id, device_id) REFERENCES devices (tenant_id, device_id)
);

CREATE TABLE cards (
    tenant_id TEXT NOT NULL,
    card_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    wearer_id TEXT NOT NULL,
    eligibility_id TEXT NOT NULL,
    token_reference TEXT,
    state TEXT NOT NULL,
    suspended_by TEXT NOT NULL,
    se_state TEXT NOT NULL,
    card_last4 TEXT NOT NULL,
    token_last4 TEXT,
    issuer_name TEXT NOT NULL,
    product TEXT NOT NULL,
    card_art TEXT NOT NULL,
    instance_aid TEXT,
    decision TEXT NOT NULL,
    reason TEXT NOT NULL,
    party TEXT NOT NULL,
    verification_methods TEXT NOT NULL,
    verified INTEGER NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, card_id),
    UNIQUE (tenant_id, eligibility_id),
    FOREIGN KEY (tenant_id, device_id) REFERENCES devices (tenant_id, device_id)
);

CREATE INDEX cards_by_device ON cards (tenant_id, device_id, card_id);

-- At most one question to the token service is open per device, so that scripts enter the log in
-- the order of their numbers.
CREATE TABLE tasks (
    tenant_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    card_id TEXT NOT NULL,
    request TEXT NOT NULL,
    claimed_until_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, device_id),
    FOREIGN KEY (tenant_id, device_id) REFERENCES devices (tenant_id, device_id)
);

CREATE TABLE commits (
    tenant_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    kind TEXT NOT NULL,
    card_id TEXT,
    domain_aid TEXT NOT NULL,
    script_number BIGINT NOT NULL,
    apdu_count INTEGER NOT NULL,
    apdus TEXT NOT NULL,
    state TEXT NOT NULL,
    report TEXT,
    failures INTEGER NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, device_id, sequence),
    UNIQUE (tenant_id, device_id, domain_aid, script_number),
    FOREIGN KEY (tenant_id, device_id) REFERENCES devices (tenant_id, device_id)
);

CREATE TABLE events (
    tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id),
    sequence BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    wearer_id TEXT,
    device_id TEXT,
    card_id TEXT,
    data TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, sequence)
);

CREATE INDEX events_by_wearer ON events (tenant_id, wearer_id, sequence);

CREATE TABLE replies (
    tenant_id TEXT NOT NULL,
    actor TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    body_sealed TEXT NOT NULL,
    locked_until_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, actor, key_hash)
);

CREATE INDEX replies_by_age ON replies (tenant_id, created_ms);
