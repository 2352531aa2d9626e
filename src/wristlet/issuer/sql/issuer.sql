-- name: account_add!
INSERT INTO accounts (account_id, pan_index, card_last4, bank, expiry_yymm, security_code_mac,
                      status, idv_outcome, currency, limit_minor)
VALUES (:account_id, :pan_index, :card_last4, :bank, :expiry_yymm, :security_code_mac,
        :status, :idv_outcome, :currency, :limit_minor);

-- name: account_count$
SELECT COUNT(*) FROM accounts;

-- name: account_by_index^
SELECT a.account_id, a.card_last4, a.bank, a.expiry_yymm, a.security_code_mac, a.status,
       a.idv_outcome, a.currency, a.limit_minor, COALESCE(b.amount_minor, 0)
FROM accounts a
LEFT JOIN balances b
       ON b.ledger_account = 'cardholder:' || a.account_id AND b.currency = a.currency
WHERE a.pan_index = :pan_index;

-- name: account_list
SELECT a.account_id, a.card_last4, a.bank, a.expiry_yymm, a.security_code_mac, a.status,
       a.idv_outcome, a.currency, a.limit_minor, COALESCE(b.amount_minor, 0)
FROM accounts a
LEFT JOIN balances b
       ON b.ledger_account = 'cardholder:' || a.account_id AND b.currency = a.currency
ORDER BY a.account_id;

-- name: entry_add!
INSERT INTO entries (kind, reference, created_ms) VALUES (:kind, :reference, :created_ms);

-- name: posting_add!
INSERT INTO postings (entry_id, line, ledger_account, amount_minor, currency)
VALUES (:entry_id, :line, :ledger_account, :amount_minor, :currency);

-- name: balance_move!
-- Balances are a running sum of postings, kept in the same transaction.
INSERT INTO balances (ledger_account, currency, amount_minor)
VALUES (:ledger_account, :currency, :amount_minor)
ON CONFLICT (ledger_account, currency)
DO UPDATE SET amount_minor = balances.amount_minor + excluded.amount_minor;

-- name: balance$
SELECT amount_minor FROM balances WHERE ledger_account = :ledger_account AND currency = :currency;

-- name: imbalance$
-- How many entries do not sum to zero in some currency; anything but 0 is money made or lost.
SELECT COUNT(*) FROM (
    SELECT entry_id FROM postings GROUP BY entry_id, currency HAVING SUM(amount_minor) <> 0
) AS unbalanced;

-- name: drift$
-- How many balances differ from the sum of their postings, on either side.
SELECT COUNT(*) FROM (
    SELECT ledger_account, currency FROM (
        SELECT ledger_account, currency, amount_minor FROM balances
        UNION ALL
        SELECT ledger_account, currency, -amount_minor FROM postings
    ) AS both_sides
    GROUP BY ledger_account, currency HAVING SUM(amount_minor) <> 0
) AS drifted;

-- name: promised_total$
-- What acquirers may still collect: the sum of all `authorised:` accounts of a currency.
SELECT COALESCE(SUM(amount_minor), 0) FROM balances
WHERE ledger_account LIKE 'authorised:%' AND currency = :currency;

-- name: authorisation_get^
SELECT acquirer, pan_index, account_id, amount_minor, currency, response_code, authorisation_id,
       reversed
FROM authorisations WHERE trace_key = :trace_key;

-- name: authorisation_add!
INSERT INTO authorisations (trace_key, acquirer, pan_index, account_id, amount_minor, currency,
                            response_code, reason, authorisation_id, token_reference, merchant,
                            reversed, created_ms)
VALUES (:trace_key, :acquirer, :pan_index, :account_id, :amount_minor, :currency,
        :response_code, :reason, :authorisation_id, :token_reference, :merchant,
        :reversed, :created_ms);

-- name: authorisation_reverse!
UPDATE authorisations SET reversed = 1 WHERE trace_key = :trace_key;

-- name: authorisation_list
SELECT account_id, amount_minor, currency, response_code, reason, authorisation_id,
       token_reference, merchant, reversed, created_ms
FROM authorisations WHERE account_id = :account_id ORDER BY created_ms DESC LIMIT 100;

-- name: idv_case_add!
INSERT INTO idv_cases (idv_id, account_id, decision, methods, code_mac, expires_ms, codes_sent,
                       tries_left, used, used_for)
VALUES (:idv_id, :account_id, :decision, :methods, '', 0, 0, 0, 0, '');

-- name: idv_case_get^
SELECT idv_id, account_id, decision, methods, code_mac, expires_ms, codes_sent, tries_left, used,
       used_for
FROM idv_cases WHERE idv_id = :idv_id;

-- name: idv_code_set!
UPDATE idv_cases SET code_mac = :code_mac, expires_ms = :expires_ms, tries_left = :tries_left,
                     codes_sent = codes_sent + 1
WHERE idv_id = :idv_id;

-- name: idv_try_use!
UPDATE idv_cases SET tries_left = tries_left - 1 WHERE idv_id = :idv_id;

-- name: idv_case_use!
UPDATE idv_cases SET used = 1, used_for = :used_for WHERE idv_id = :idv_id;

-- name: idv_failure_add!
INSERT INTO idv_failures (account_id, kind, created_ms) VALUES (:account_id, :kind, :now_ms);

-- name: idv_failure_count$
SELECT COUNT(*) FROM idv_failures
WHERE account_id = :account_id AND kind = :kind AND created_ms > :since_ms;

-- name: idv_failure_forget!
DELETE FROM idv_failures WHERE account_id = :account_id AND created_ms <= :since_ms;

-- name: reissue_add!
INSERT INTO reissues (old_index, new_index, account_id, number_sealed, expiry_yymm, told, created_ms)
VALUES (:old_index, :new_index, :account_id, :number_sealed, :expiry_yymm, 0, :created_ms);

-- name: reissue_follow$
SELECT new_index FROM reissues WHERE old_index = :pan_index;

-- name: reissue_number$
SELECT number_sealed FROM reissues WHERE new_index = :pan_index;

-- name: reissue_open^
SELECT old_index, new_index, number_sealed, expiry_yymm FROM reissues
WHERE account_id = :account_id AND told = 0 ORDER BY created_ms LIMIT 1;

-- name: reissue_told!
UPDATE reissues SET told = 1 WHERE old_index = :old_index;

-- name: account_reissue!
UPDATE accounts SET pan_index = :pan_index, card_last4 = :card_last4, expiry_yymm = :expiry_yymm
WHERE account_id = :account_id;

-- name: account_pan_index$
SELECT pan_index FROM accounts WHERE account_id = :account_id;
