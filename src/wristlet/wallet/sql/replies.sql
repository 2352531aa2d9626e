-- name: claim(tenant_id, actor, key_hash, fingerprint, locked_until_ms, now_ms)!
INSERT INTO replies (tenant_id, actor, key_hash, fingerprint, status, body_sealed, locked_until_ms, created_ms)
VALUES (:tenant_id, :actor, :key_hash, :fingerprint, 0, '', :locked_until_ms, :now_ms)
ON CONFLICT DO NOTHING;

-- name: find(tenant_id, actor, key_hash)^
-- record_class: ReplyRow
SELECT fingerprint, status, body_sealed, locked_until_ms
FROM replies
WHERE tenant_id = :tenant_id AND actor = :actor AND key_hash = :key_hash;

-- name: take_over(tenant_id, actor, key_hash, locked_until_ms)!
UPDATE replies SET locked_until_ms = :locked_until_ms
WHERE tenant_id = :tenant_id AND actor = :actor AND key_hash = :key_hash;

-- name: finish(tenant_id, actor, key_hash, status, body_sealed)!
UPDATE replies SET status = :status, body_sealed = :body_sealed
WHERE tenant_id = :tenant_id AND actor = :actor AND key_hash = :key_hash;

-- name: release(tenant_id, actor, key_hash)!
DELETE FROM replies
WHERE tenant_id = :tenant_id AND actor = :actor AND key_hash = :key_hash AND status = 0;

-- name: prune(tenant_id, before_ms)!
DELETE FROM replies WHERE tenant_id = :tenant_id AND created_ms < :before_ms;
