-- name: insert_order(tenant_id, order_id, device_id, wearer_id, kind, reference, phone_hash, state, script_number, answer, created_ms)!
INSERT INTO device_orders (tenant_id, order_id, device_id, wearer_id, kind, reference, phone_hash, state, script_number, answer, created_ms)
VALUES (:tenant_id, :order_id, :device_id, :wearer_id, :kind, :reference, :phone_hash, :state, :script_number, :answer, :created_ms);

-- name: find_order(tenant_id, wearer_id, device_id, order_id)^
-- record_class: OrderRow
SELECT tenant_id, order_id, device_id, wearer_id, kind, reference, phone_hash, state, script_number, answer, created_ms
FROM device_orders
WHERE tenant_id = :tenant_id AND device_id = :device_id AND order_id = :order_id
    AND (CAST(:wearer_id AS TEXT) IS NULL OR wearer_id = :wearer_id);

-- name: open_orders(tenant_id, device_id)
-- record_class: OrderRow
SELECT tenant_id, order_id, device_id, wearer_id, kind, reference, phone_hash, state, script_number, answer, created_ms
FROM device_orders
WHERE tenant_id = :tenant_id AND device_id = :device_id AND state IN ('proof_needed', 'ordered')
ORDER BY order_id;

-- name: update_order(tenant_id, order_id, state, script_number)!
UPDATE device_orders SET state = :state, script_number = :script_number
WHERE tenant_id = :tenant_id AND order_id = :order_id;
