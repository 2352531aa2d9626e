-- depends: 0001-token-service

-- The event counter of the newest signed word about a secure element's PIN: older ones change nothing.
ALTER TABLE devices ADD COLUMN pin_event BIGINT NOT NULL DEFAULT -1;

-- The card that a reissued card became, by its blind index.
ALTER TABLE cards ADD COLUMN reissued_as TEXT;

-- The token whose card an offer is for, when the card was not typed.
ALTER TABLE eligibilities ADD COLUMN source_reference TEXT;

-- `replaces`: the token whose place this one takes once it is active; `renewal`: why a successor
-- is due or on its way.
ALTER TABLE tokens ADD COLUMN replaces TEXT;
ALTER TABLE tokens ADD COLUMN renewal TEXT NOT NULL DEFAULT '';
CREATE INDEX tokens_by_replaced ON tokens (replaces);

-- Each requestor looks after its own tokens: one active token per card, element and requestor.
DROP INDEX tokens_one_active;
CREATE UNIQUE INDEX tokens_one_active ON tokens (card_id, se_id, requestor_id) WHERE state = 'active';

-- PIN resets and further phones: ordered by script once the wearer has proved identity.
CREATE TABLE device_orders (
    order_id TEXT PRIMARY KEY,
    requestor_id TEXT NOT NULL,
    se_id TEXT NOT NULL REFERENCES devices (se_id),
    kind TEXT NOT NULL,
    phone_hash TEXT NOT NULL,
    token_reference TEXT NOT NULL REFERENCES tokens (token_reference),
    idv_id TEXT NOT NULL,
    methods TEXT NOT NULL,
    state TEXT NOT NULL,
    script_number INTEGER NOT NULL,
    orders INTEGER NOT NULL,
    expires_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE INDEX device_orders_by_device ON device_orders (se_id, state);

-- What requestors are told without having asked; each reads on from its own cursor.
CREATE TABLE notifications (
    sequence INTEGER PRIMARY KEY,
    requestor_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    token_reference TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE deliveries (
    requestor_id TEXT PRIMARY KEY,
    delivered BIGINT NOT NULL
);
