-- name: next_sequence(tenant_id)$
UPDATE tenants SET event_last = event_last + 1 WHERE tenant_id = :tenant_id RETURNING event_last;

-- name: insert_event(tenant_id, sequence, event_id, type, wearer_id, device_id, card_id, data, created_ms)!
INSERT INTO events (tenant_id, sequence, event_id, type, wearer_id, device_id, card_id, data, created_ms)
VALUES (:tenant_id, :sequence, :event_id, :type, :wearer_id, :device_id, :card_id, :data, :created_ms);

-- name: tenant_events(tenant_id, after, limit)
-- record_class: EventRow
SELECT sequence, event_id, type, device_id, card_id, data, created_ms
FROM events
WHERE tenant_id = :tenant_id AND sequence > :after
ORDER BY sequence
LIMIT :limit;

-- name: wearer_events(tenant_id, wearer_id, after, limit)
-- record_class: EventRow
SELECT sequence, event_id, type, device_id, card_id, data, created_ms
FROM events
WHERE tenant_id = :tenant_id AND wearer_id = :wearer_id AND sequence > :after
ORDER BY sequence
LIMIT :limit;
