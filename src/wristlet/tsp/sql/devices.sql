-- name: device_get^
SELECT se_id, model, state, attestation_point, domain_point, pin_event FROM devices WHERE se_id = :se_id;

-- name: device_add!
INSERT INTO devices (se_id, model, state, attestation_point, domain_point, created_ms)
VALUES (:se_id, :model, :state, :attestation_point, :domain_point, :created_ms);

-- name: counter_get$
SELECT last FROM counters WHERE se_id = :se_id AND name = :name;

-- name: counter_put!
INSERT INTO counters (se_id, name, last) VALUES (:se_id, :name, :last)
ON CONFLICT (se_id, name) DO UPDATE SET last = excluded.last;

-- name: lease_add!
INSERT INTO leases (se_id, unlock_counter, opened_ms) VALUES (:se_id, :unlock_counter, :opened_ms)
ON CONFLICT (se_id, unlock_counter) DO NOTHING;

-- name: lease_opened$
-- A lease is at least as old as any that was opened after it.
SELECT MIN(opened_ms) FROM leases WHERE se_id = :se_id AND unlock_counter >= :unlock_counter;

-- name: device_set_pin_event!
UPDATE devices SET pin_event = :event WHERE se_id = :se_id AND pin_event < :event;
