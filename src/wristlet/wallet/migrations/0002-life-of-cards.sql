-- depends: 0001-wallet

ALTER TABLE phones ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE phones ADD COLUMN state TEXT NOT NULL DEFAULT 'certified';

-- A card whose place this one takes once it is active; why a successor is due or on its way.
ALTER TABLE cards ADD COLUMN replaces_card_id TEXT;
ALTER TABLE cards ADD COLUMN renewal TEXT NOT NULL DEFAULT '';

-- Found by reference before the tenant is known: notifications name tokens only.
CREATE INDEX cards_by_token ON cards (token_reference);
CREATE INDEX devices_by_se ON devices (se_id);

-- The card that an offer is about, when it was not typed.
ALTER TABLE eligibilities ADD COLUMN source_card_id TEXT;

-- The newest notification after which the token service was not asked yet; 0 when there is none.
ALTER TABLE devices ADD COLUMN refresh_due BIGINT NOT NULL DEFAULT 0;

CREATE TABLE device_orders (
    tenant_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    wearer_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    reference TEXT NOT NULL,
    phone_hash TEXT NOT NULL,
    state TEXT NOT NULL,
    script_number BIGINT NOT NULL,
    answer TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, order_id),
    FOREIGN KEY (tenant_id, device_id) REFERENCES devices (tenant_id, device_id)
);

CREATE INDEX device_orders_by_device ON device_orders (tenant_id, device_id, order_id);

-- `change_sequence` is the number of the event that told of the last change.
CREATE TABLE transactions (
    tenant_id TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    change_sequence BIGINT NOT NULL,
    wearer_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    card_id TEXT NOT NULL,
    card_last4 TEXT NOT NULL,
    token_last4 TEXT NOT NULL,
    state TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    merchant TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, transaction_id),
    FOREIGN KEY (tenant_id, card_id) REFERENCES cards (tenant_id, card_id)
);

CREATE INDEX transactions_by_change ON transactions (tenant_id, change_sequence);

-- Up to which notification of a token service everything is recorded here.
CREATE TABLE notification_cursors (
    source TEXT PRIMARY KEY,
    taken BIGINT NOT NULL
);
