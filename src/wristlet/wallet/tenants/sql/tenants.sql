-- name: insert_tenant(tenant_id, name, phone_root_id, phone_root_point, created_ms)!
INSERT INTO tenants (tenant_id, name, phone_root_id, phone_root_point, event_last, created_ms)
VALUES (:tenant_id, :name, :phone_root_id, :phone_root_point, 0, :created_ms);

-- name: insert_api_key(key_hash, tenant_id, created_ms)!
INSERT INTO api_keys (key_hash, tenant_id, created_ms) VALUES (:key_hash, :tenant_id, :created_ms);

-- name: tenant_of_key(key_hash)$
SELECT tenant_id FROM api_keys WHERE key_hash = :key_hash;

-- name: find_tenant(tenant_id)^
-- record_class: TenantRow
SELECT tenant_id, name, phone_root_id, phone_root_point, created_ms FROM tenants WHERE tenant_id = :tenant_id;
