-- name: insert_device(tenant_id, device_id, wearer_id, name, se_id, model, state, commits_last, commits_acknowledged, created_ms)!
INSERT INTO devices (tenant_id, device_id, wearer_id, name, se_id, model, state, commits_last, commits_acknowledged, created_ms)
VALUES (:tenant_id, :device_id, :wearer_id, :name, :se_id, :model, :state, :commits_last, :commits_acknowledged, :created_ms);

-- name: find_device(tenant_id, wearer_id, device_id)^
-- record_class: DeviceRow
SELECT tenant_id, device_id, wearer_id, name, se_id, model, state, commits_last, commits_acknowledged, created_ms
FROM devices
WHERE tenant_id = :tenant_id AND device_id = :device_id
    AND (CAST(:wearer_id AS TEXT) IS NULL OR wearer_id = :wearer_id);

-- name: device_of_se(tenant_id, se_id)^
-- record_class: DeviceRow
SELECT tenant_id, device_id, wearer_id, name, se_id, model, state, commits_last, commits_acknowledged, created_ms
FROM devices
WHERE tenant_id = :tenant_id AND se_id = :se_id;

-- name: list_devices(tenant_id, wearer_id, after, limit)
-- record_class: DeviceRow
SELECT tenant_id, device_id, wearer_id, name, se_id, model, state, commits_last, commits_acknowledged, created_ms
FROM devices
WHERE tenant_id = :tenant_id AND device_id > :after
    AND (CAST(:wearer_id AS TEXT) IS NULL OR wearer_id = :wearer_id)
ORDER BY device_id
LIMIT :limit;

-- name: set_state(tenant_id, device_id, state)!
UPDATE devices SET state = :state WHERE tenant_id = :tenant_id AND device_id = :device_id;

-- name: set_name(tenant_id, device_id, name)!
UPDATE devices SET name = :name WHERE tenant_id = :tenant_id AND device_id = :device_id;

-- name: next_commit(tenant_id, device_id)$
UPDATE devices SET commits_last = commits_last + 1
WHERE tenant_id = :tenant_id AND device_id = :device_id
RETURNING commits_last;

-- name: acknowledge(tenant_id, device_id, pointer, sequence)!
UPDATE devices SET commits_acknowledged = :sequence
WHERE tenant_id = :tenant_id AND device_id = :device_id AND commits_acknowledged = :pointer;

-- name: find_phone(tenant_id, device_id, point_hash)^
-- record_class: PhoneRow
SELECT device_id, point_hash, certificate, name, state, created_ms FROM phones
WHERE tenant_id = :tenant_id AND device_id = :device_id AND point_hash = :point_hash;

-- name: list_phones(tenant_id, device_id)
-- record_class: PhoneRow
SELECT device_id, point_hash, certificate, name, state, created_ms FROM phones
WHERE tenant_id = :tenant_id AND device_id = :device_id
ORDER BY created_ms, point_hash;

-- name: insert_phone(tenant_id, device_id, point_hash, certificate, name, state, created_ms)!
INSERT INTO phones (tenant_id, device_id, point_hash, certificate, name, state, created_ms)
VALUES (:tenant_id, :device_id, :point_hash, :certificate, :name, :state, :created_ms);

-- name: set_phone_state(tenant_id, device_id, point_hash, state)!
UPDATE phones SET state = :state
WHERE tenant_id = :tenant_id AND device_id = :device_id AND point_hash = :point_hash;

-- name: refresh_due(tenant_id, device_id)$
SELECT refresh_due FROM devices WHERE tenant_id = :tenant_id AND device_id = :device_id;

-- name: refreshed(tenant_id, device_id, seen)!
-- What came in meanwhile stays due.
UPDATE devices SET refresh_due = 0
WHERE tenant_id = :tenant_id AND device_id = :device_id AND refresh_due <= :seen;
