-- name: find_transaction(tenant_id, transaction_id)^
-- record_class: TransactionRow
SELECT tenant_id, transaction_id, change_sequence, wearer_id, device_id, card_id, card_last4, token_last4, state, amount_minor, currency, merchant, reason, created_ms
FROM transactions
WHERE tenant_id = :tenant_id AND transaction_id = :transaction_id;

-- name: put_transaction(tenant_id, transaction_id, change_sequence, wearer_id, device_id, card_id, card_last4, token_last4, state, amount_minor, currency, merchant, reason, created_ms)!
INSERT INTO transactions (tenant_id, transaction_id, change_sequence, wearer_id, device_id, card_id, card_last4, token_last4, state, amount_minor, currency, merchant, reason, created_ms)
VALUES (:tenant_id, :transaction_id, :change_sequence, :wearer_id, :device_id, :card_id, :card_last4, :token_last4, :state, :amount_minor, :currency, :merchant, :reason, :created_ms)
ON CONFLICT (tenant_id, transaction_id)
DO UPDATE SET change_sequence = excluded.change_sequence, state = excluded.state, reason = excluded.reason;

-- name: list_transactions(tenant_id, wearer_id, device_id, card_id, after, limit)
-- record_class: TransactionRow
SELECT tenant_id, transaction_id, change_sequence, wearer_id, device_id, card_id, card_last4, token_last4, state, amount_minor, currency, merchant, reason, created_ms
FROM transactions
WHERE tenant_id = :tenant_id AND change_sequence > :after
    AND (CAST(:wearer_id AS TEXT) IS NULL OR wearer_id = :wearer_id)
    AND (CAST(:device_id AS TEXT) IS NULL OR device_id = :device_id)
    AND (CAST(:card_id AS TEXT) IS NULL OR card_id = :card_id)
ORDER BY change_sequence
LIMIT :limit;

-- name: card_of_token(token_reference)^
-- record_class: OwnerRow
SELECT tenant_id, wearer_id, device_id, card_id FROM cards WHERE token_reference = :token_reference;

-- name: devices_of_element(se_id)
-- record_class: DueRow
SELECT tenant_id, wearer_id, device_id FROM devices WHERE se_id = :se_id;

-- name: mark_due(tenant_id, device_id, sequence)!
UPDATE devices SET refresh_due = :sequence WHERE tenant_id = :tenant_id AND device_id = :device_id;

-- name: taken(source)$
SELECT taken FROM notification_cursors WHERE source = :source;

-- name: put_taken(source, taken)!
INSERT INTO notification_cursors (source, taken) VALUES (:source, :taken)
ON CONFLICT (source) DO UPDATE SET taken = excluded.taken;
