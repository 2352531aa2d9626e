"""Tables of the limit loops: as wide as ours, with the same keys and indexes."""

from __future__ import annotations

from typing import Final

TOKENS: Final = """
CREATE TABLE eligibilities (eligibility_id TEXT PRIMARY KEY, used_by_task TEXT);
CREATE TABLE cards (card_id TEXT PRIMARY KEY, fpan BLOB, expiry BLOB, par TEXT UNIQUE, ms INTEGER);
CREATE TABLE tokens (
    token_reference TEXT PRIMARY KEY, requestor_id TEXT, card_id TEXT, se_id TEXT,
    dpan_index BLOB UNIQUE, dpan_sealed BLOB, dpan_last4 TEXT, expiry TEXT, psn TEXT, product TEXT,
    key_index INTEGER, aid BLOB, card_last4 TEXT, issuer TEXT, card_name TEXT, card_art TEXT,
    idv_id TEXT, methods TEXT, state TEXT, suspended_by TEXT, personalised INTEGER,
    verified INTEGER, ordered TEXT, atc_high INTEGER, atc_window BLOB, ms INTEGER,
    changed_ms INTEGER
);
CREATE INDEX tokens_by_device ON tokens (se_id, card_id);
CREATE UNIQUE INDEX tokens_one_active ON tokens (card_id, se_id) WHERE state = 'active';
CREATE TABLE counters (se_id TEXT, name TEXT, last INTEGER, PRIMARY KEY (se_id, name));
CREATE TABLE scripts (
    se_id TEXT, domain_aid BLOB, number INTEGER, requestor_id TEXT, token_reference TEXT,
    purpose TEXT, plain_hash BLOB, aid BLOB, package TEXT, ms INTEGER, receipt_body BLOB,
    receipt_answer TEXT, counted_ms INTEGER, PRIMARY KEY (se_id, domain_aid, number)
);
CREATE INDEX scripts_by_token ON scripts (token_reference, number);
CREATE TABLE tasks (
    requestor_id TEXT, task_id TEXT, operation TEXT, body_hash BLOB, answer TEXT, ms INTEGER,
    PRIMARY KEY (requestor_id, task_id)
);
CREATE TABLE authorizations (
    token_reference TEXT, atc INTEGER, trace TEXT, cryptogram BLOB, result TEXT, verdict TEXT,
    amount_minor INTEGER, currency TEXT, response_code TEXT, auth_code TEXT, issuer_data BLOB,
    ms INTEGER, PRIMARY KEY (token_reference, atc)
);
CREATE TABLE notifications (
    sequence INTEGER PRIMARY KEY, requestor_id TEXT, kind TEXT, token_reference TEXT, reason TEXT,
    detail TEXT, ms INTEGER
);
"""

BANK: Final = """
CREATE TABLE entries (entry_id INTEGER PRIMARY KEY, kind TEXT, reference TEXT, ms INTEGER);
CREATE TABLE postings (
    entry_id INTEGER, line INTEGER, ledger_account TEXT, amount_minor INTEGER, currency TEXT,
    PRIMARY KEY (entry_id, line)
);
CREATE TABLE balances (
    ledger_account TEXT, currency TEXT, amount_minor INTEGER,
    PRIMARY KEY (ledger_account, currency)
);
CREATE TABLE authorisations (
    trace_key TEXT PRIMARY KEY, acquirer TEXT, pan_index TEXT, account_id TEXT,
    amount_minor INTEGER, currency TEXT, response_code TEXT, reason TEXT, authorisation_id TEXT,
    token_reference TEXT, merchant TEXT, reversed INTEGER, ms INTEGER
);
CREATE INDEX authorisations_by_account ON authorisations (account_id, ms);
CREATE TABLE idv_cases (
    idv_id TEXT PRIMARY KEY, account_id TEXT, decision TEXT, methods TEXT, code_mac TEXT,
    expires_ms INTEGER, codes_sent INTEGER, tries_left INTEGER, used INTEGER
);
"""
