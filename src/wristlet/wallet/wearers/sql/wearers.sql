-- name: insert_wearer(tenant_id, wearer_id, name, email, created_ms)!
INSERT INTO wearers (tenant_id, wearer_id, name, email, created_ms)
VALUES (:tenant_id, :wearer_id, :name, :email, :created_ms);

-- name: find_wearer(tenant_id, wearer_id)^
-- record_class: WearerRow
SELECT tenant_id, wearer_id, name, email, created_ms
FROM wearers
WHERE tenant_id = :tenant_id AND wearer_id = :wearer_id;

-- name: insert_session(token_hash, tenant_id, wearer_id, expires_ms, created_ms)!
INSERT INTO sessions (token_hash, tenant_id, wearer_id, expires_ms, created_ms)
VALUES (:token_hash, :tenant_id, :wearer_id, :expires_ms, :created_ms);

-- name: find_session(token_hash, now_ms)^
-- record_class: SessionRow
SELECT tenant_id, wearer_id, expires_ms
FROM sessions
WHERE token_hash = :token_hash AND expires_ms > :now_ms;

-- name: end_other_sessions(tenant_id, wearer_id, token_hash)!
DELETE FROM sessions
WHERE tenant_id = :tenant_id AND wearer_id = :wearer_id AND token_hash <> :token_hash;
