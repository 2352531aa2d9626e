-- name: card_put!
-- A reissued card has a new date and the same number: the newest date counts.
INSERT INTO cards (card_id, fpan_sealed, expiry_sealed, par, created_ms)
VALUES (:card_id, :fpan_sealed, :expiry_sealed, :par, :created_ms)
ON CONFLICT (card_id) DO UPDATE SET expiry_sealed = excluded.expiry_sealed;

-- name: token_add!
INSERT INTO tokens (
    token_reference, requestor_id, card_id, se_id, dpan_index, dpan_sealed, dpan_last4, expiry_yymm,
    psn, product, key_index, instance_aid, card_last4, issuer_name, card_name, card_art, idv_id,
    methods, state, suspended_by, personalised, verified, ordered, replaces, renewal, atc_high,
    atc_window, created_ms, changed_ms
) VALUES (
    :token_reference, :requestor_id, :card_id, :se_id, :dpan_index, :dpan_sealed, :dpan_last4,
    :expiry_yymm, :psn, :product, :key_index, :instance_aid, :card_last4, :issuer_name, :card_name,
    :card_art, :idv_id, :methods, :state, :suspended_by, :personalised, :verified, :ordered, :replaces,
    :renewal, 0, :atc_window, :created_ms, :created_ms
);

-- name: token_get^
SELECT
    token_reference, requestor_id, card_id, se_id, dpan_last4, expiry_yymm, product, instance_aid,
    card_last4, issuer_name, card_name, card_art, idv_id, methods, state, suspended_by, personalised,
    verified, ordered, replaces, renewal
FROM tokens WHERE token_reference = :token_reference;

-- name: tokens_of_card
SELECT
    token_reference, requestor_id, card_id, se_id, dpan_last4, expiry_yymm, product, instance_aid,
    card_last4, issuer_name, card_name, card_art, idv_id, methods, state, suspended_by, personalised,
    verified, ordered, replaces, renewal
FROM tokens
WHERE se_id = :se_id AND card_id = :card_id ORDER BY created_ms, token_reference;

-- name: tokens_of_device
SELECT
    token_reference, requestor_id, card_id, se_id, dpan_last4, expiry_yymm, product, instance_aid,
    card_last4, issuer_name, card_name, card_art, idv_id, methods, state, suspended_by, personalised,
    verified, ordered, replaces, renewal
FROM tokens
WHERE se_id = :se_id ORDER BY created_ms, token_reference;

-- name: token_set_life!
UPDATE tokens SET
    state = :state, suspended_by = :suspended_by, personalised = :personalised, verified = :verified,
    ordered = :ordered, changed_ms = :changed_ms
WHERE token_reference = :token_reference;

-- name: tokens_held$
SELECT COUNT(*) FROM tokens WHERE se_id = :se_id AND state NOT IN ('deleted', 'declined');

-- name: dpan_taken$
SELECT 1 FROM tokens WHERE dpan_index = :dpan_index;

-- name: token_for_tap^
SELECT
    t.token_reference, t.requestor_id, t.card_id, t.se_id, t.dpan_sealed, t.dpan_last4, t.expiry_yymm,
    t.psn, t.product, t.key_index, t.instance_aid, c.fpan_sealed, c.par
FROM tokens AS t INNER JOIN cards AS c ON c.card_id = t.card_id
WHERE t.dpan_index = :dpan_index;

-- name: token_counters^
SELECT t.state, t.suspended_by, t.atc_high, t.atc_window, c.expiry_sealed
FROM tokens AS t INNER JOIN cards AS c ON c.card_id = t.card_id
WHERE t.token_reference = :token_reference;

-- name: token_set_atc!
UPDATE tokens SET atc_high = :atc_high, atc_window = :atc_window
WHERE token_reference = :token_reference;

-- name: token_set_renewal!
-- The first reason counts until the successor is there.
UPDATE tokens SET renewal = :renewal
WHERE token_reference = :token_reference AND renewal = '' AND state IN ('active', 'suspended');

-- name: tokens_replacing
SELECT
    token_reference, requestor_id, card_id, se_id, dpan_last4, expiry_yymm, product, instance_aid,
    card_last4, issuer_name, card_name, card_art, idv_id, methods, state, suspended_by, personalised,
    verified, ordered, replaces, renewal
FROM tokens
WHERE replaces = :token_reference ORDER BY created_ms, token_reference;

-- name: tokens_expiring
SELECT token_reference FROM tokens
WHERE expiry_yymm <= :expiry_yymm AND renewal = '' AND state = 'active'
ORDER BY token_reference LIMIT :most;

-- name: tokens_with_card
SELECT token_reference FROM tokens
WHERE card_id = :card_id AND state NOT IN ('deleted', 'declined')
ORDER BY created_ms, token_reference;

-- name: card_get^
SELECT fpan_sealed, expiry_sealed, par, reissued_as FROM cards WHERE card_id = :card_id;

-- name: card_set_expiry!
UPDATE cards SET expiry_sealed = :expiry_sealed WHERE card_id = :card_id;

-- name: card_give_up!
-- The account keeps its reference through a reissue: the new card's row takes it over.
UPDATE cards SET par = :par, reissued_as = :reissued_as, expiry_sealed = :expiry_sealed
WHERE card_id = :card_id;
