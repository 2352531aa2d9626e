CREATE TABLE accounts (
    account_id TEXT PRIMARY KEY,
    pan_index TEXT NOT NULL UNIQUE,
    card_last4 TEXT NOT NULL,
    bank TEXT NOT NULL,
    expiry_yymm TEXT NOT NULL,
    security_code_mac TEXT NOT NULL,
    status TEXT NOT NULL,
    idv_outcome TEXT NOT NULL,
    currency TEXT NOT NULL,
    limit_minor BIGINT NOT NULL
);

CREATE TABLE entries (
    entry_id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    reference TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE postings (
    entry_id INTEGER NOT NULL REFERENCES entries (entry_id),
    line INTEGER NOT NULL,
    ledger_account TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    PRIMARY KEY (entry_id, line)
);

CREATE TABLE balances (
    ledger_account TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    PRIMARY KEY (ledger_account, currency)
);

-- What was asked (card, amount, currency) is kept beside the answer, so that a repeat can be told
-- from another request under the same trace.
CREATE TABLE authorisations (
    trace_key TEXT PRIMARY KEY,
    acquirer TEXT NOT NULL,
    pan_index TEXT NOT NULL,
    account_id TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    response_code TEXT NOT NULL,
    reason TEXT NOT NULL,
    authorisation_id TEXT NOT NULL,
    token_reference TEXT NOT NULL,
    merchant TEXT NOT NULL,
    reversed INTEGER NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE INDEX authorisations_by_account ON authorisations (account_id, created_ms);

CREATE TABLE idv_cases (
    idv_id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    decision TEXT NOT NULL,
    methods TEXT NOT NULL,
    code_mac TEXT NOT NULL,
    expires_ms BIGINT NOT NULL,
    codes_sent INTEGER NOT NULL,
    tries_left INTEGER NOT NULL,
    used INTEGER NOT NULL,
    used_for TEXT NOT NULL
);

-- Wrong card data and codes given for an account: so many a day and no more are compared.
CREATE TABLE idv_failures (
    account_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE INDEX idv_failures_by_account ON idv_failures (account_id, created_ms);
