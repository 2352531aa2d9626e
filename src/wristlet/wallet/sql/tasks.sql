-- name: open_task(tenant_id, device_id)^
-- record_class: TaskRow
SELECT tenant_id, device_id, task_id, kind, subject, card_id, request, claimed_until_ms, created_ms
FROM tasks
WHERE tenant_id = :tenant_id AND device_id = :device_id;

-- name: insert_task(tenant_id, device_id, task_id, kind, subject, card_id, request, claimed_until_ms, created_ms)!
INSERT INTO tasks (tenant_id, device_id, task_id, kind, subject, card_id, request, claimed_until_ms, created_ms)
VALUES (:tenant_id, :device_id, :task_id, :kind, :subject, :card_id, :request, :claimed_until_ms, :created_ms)
ON CONFLICT DO NOTHING;

-- name: claim(tenant_id, device_id, task_id, claimed_until_ms, now_ms)!
UPDATE tasks SET claimed_until_ms = :claimed_until_ms
WHERE tenant_id = :tenant_id AND device_id = :device_id AND task_id = :task_id AND claimed_until_ms <= :now_ms;

-- name: release(tenant_id, device_id, task_id)!
UPDATE tasks SET claimed_until_ms = 0
WHERE tenant_id = :tenant_id AND device_id = :device_id AND task_id = :task_id;

-- name: close(tenant_id, device_id, task_id)!
DELETE FROM tasks
WHERE tenant_id = :tenant_id AND device_id = :device_id AND task_id = :task_id;
