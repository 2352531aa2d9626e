-- name: order_add!
INSERT INTO device_orders (
    order_id, requestor_id, se_id, kind, phone_hash, token_reference, idv_id, methods, state,
    script_number, orders, expires_ms, created_ms
) VALUES (
    :order_id, :requestor_id, :se_id, :kind, :phone_hash, :token_reference, :idv_id, :methods, :state,
    :script_number, :orders, :expires_ms, :created_ms
);

-- name: order_get^
SELECT
    order_id, requestor_id, se_id, kind, phone_hash, token_reference, idv_id, methods, state,
    script_number, orders, expires_ms, created_ms
FROM device_orders WHERE order_id = :order_id;

-- name: orders_open
SELECT
    order_id, requestor_id, se_id, kind, phone_hash, token_reference, idv_id, methods, state,
    script_number, orders, expires_ms, created_ms
FROM device_orders
WHERE se_id = :se_id AND requestor_id = :requestor_id AND state IN ('proof_needed', 'ordered')
ORDER BY created_ms, order_id;

-- name: order_set!
UPDATE device_orders SET state = :state, script_number = :script_number, orders = :orders
WHERE order_id = :order_id;
