-- name: add_account!
-- Open a card account; a second one for the same number is refused by its unique index.
INSERT INTO accounts (account_id, pan_index, card_last4, bank, expiry_yymm, security_code_mac, status,
                      idv_outcome, currency, limit_minor)
VALUES (:account_id, :pan_index, :card_last4, :bank, :expiry_yymm, :security_code_mac, :status,
        :idv_outcome, :currency, :limit_minor);

-- name: count_accounts$
SELECT COUNT(*) FROM accounts;

-- name: account_by_index^
SELECT account_id, card_last4, bank, expiry_yymm, security_code_mac, status, idv_outcome, currency, limit_minor
FROM accounts WHERE pan_index = :pan_index;

-- name: account_by_id^
SELECT account_id, card_last4, bank, expiry_yymm, security_code_mac, status, idv_outcome, currency, limit_minor
FROM accounts WHERE account_id = :account_id;

-- name: list_accounts
SELECT account_id, card_last4, bank, status, currency, limit_minor FROM accounts ORDER BY account_id;

-- name: add_entry!
INSERT INTO entries (entry_id, kind, reference, created_ms) VALUES (:entry_id, :kind, :reference, :created_ms);

-- name: add_posting!
INSERT INTO postings (entry_id, line, ledger_account, amount_minor, currency)
VALUES (:entry_id, :line, :ledger_account, :amount_minor, :currency);

-- name: move_balance!
-- Balances are a running sum of postings, kept in the same transaction.
INSERT INTO balances (ledger_account, currency, amount_minor)
VALUES (:ledger_account, :currency, :amount_minor)
ON CONFLICT (ledger_account, currency) DO UPDATE SET amount_minor = balances.amount_minor + excluded.amount_minor;

-- name: balance$
SELECT amount_minor FROM balances WHERE ledger_account = :ledger_account AND currency = :currency;

-- name: imbalance$
-- The sum over all postings; anything but 0 means that money was made or lost.
SELECT COALESCE(SUM(amount_minor), 0) FROM postings;

-- name: drift$
-- How many balances differ from the sum of their postings.
SELECT COUNT(*) FROM (
    SELECT b.ledger_account FROM balances b
    LEFT JOIN postings p ON p.ledger_account = b.ledger_account AND p.currency = b.currency
    GROUP BY b.ledger_account, b.currency, b.amount_minor
    HAVING b.amount_minor <> COALESCE(SUM(p.amount_minor), 0)
) AS drifted;

-- name: authorisation^
SELECT trace_key, account_id, amount_minor, currency, response_code, reason, authorisation_id, reversed
FROM authorisations WHERE trace_key = :trace_key;

-- name: add_authorisation!
INSERT INTO authorisations (trace_key, account_id, amount_minor, currency, response_code, reason,
                            authorisation_id, token_reference, merchant, reversed, created_ms)
VALUES (:trace_key, :account_id, :amount_minor, :currency, :response_code, :reason,
        :authorisation_id, :token_reference, :merchant, :reversed, :created_ms);

-- name: mark_reversed!
UPDATE authorisations SET reversed = 1 WHERE trace_key = :trace_key;

-- name: list_authorisations
SELECT account_id, amount_minor, currency, response_code, reason, authorisation_id, token_reference, merchant,
       reversed, created_ms
FROM authorisations WHERE account_id = :account_id ORDER BY created_ms DESC LIMIT 100;

-- name: add_idv_case!
INSERT INTO idv_cases (idv_id, account_id, decision, code_mac, method_id, expires_ms, tries_left, used)
VALUES (:idv_id, :account_id, :decision, '', '', 0, 0, 0);

-- name: idv_case^
SELECT idv_id, account_id, decision, code_mac, method_id, expires_ms, tries_left, used
FROM idv_cases WHERE idv_id = :idv_id;

-- name: set_code!
UPDATE idv_cases SET code_mac = :code_mac, method_id = :method_id, expires_ms = :expires_ms,
                     tries_left = :tries_left, used = 0
WHERE idv_id = :idv_id;

-- name: use_try!
UPDATE idv_cases SET tries_left = tries_left - 1 WHERE idv_id = :idv_id AND tries_left > 0;

-- name: mark_used!
UPDATE idv_cases SET used = 1 WHERE idv_id = :idv_id;
