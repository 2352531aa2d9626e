-- name: notification_add!
INSERT INTO notifications (requestor_id, kind, token_reference, reason, detail, created_ms)
VALUES (:requestor_id, :kind, :token_reference, :reason, :detail, :created_ms);

-- name: notifications_after
SELECT
    n.sequence, n.kind, n.created_ms, n.token_reference, t.dpan_last4, t.card_last4, t.se_id, n.reason,
    n.detail
FROM notifications AS n INNER JOIN tokens AS t ON t.token_reference = n.token_reference
WHERE n.sequence > :after AND n.requestor_id = :requestor_id
ORDER BY n.sequence LIMIT :most;

-- name: notifications_forget!
-- The newest one stays, so that its number is never given out again.
DELETE FROM notifications
WHERE requestor_id = :requestor_id AND sequence <= :delivered
    AND sequence < (SELECT MAX(m.sequence) FROM notifications AS m);

-- name: delivered_get$
SELECT delivered FROM deliveries WHERE requestor_id = :requestor_id;

-- name: delivered_put!
INSERT INTO deliveries (requestor_id, delivered) VALUES (:requestor_id, :delivered)
ON CONFLICT (requestor_id) DO UPDATE SET delivered = excluded.delivered;

-- name: authorization_of_trace
-- A trace is looked for among one token's requests only.
SELECT atc, amount_minor, currency FROM authorizations
WHERE token_reference = :token_reference AND trace = :trace AND result = 'valid';
