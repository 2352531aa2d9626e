-- name: insert_eligibility(tenant_id, eligibility_id, device_id, wearer_id, task_id, answer, expires_ms, created_ms, source_card_id)!
INSERT INTO eligibilities (tenant_id, eligibility_id, device_id, wearer_id, task_id, answer, expires_ms, created_ms, source_card_id)
VALUES (:tenant_id, :eligibility_id, :device_id, :wearer_id, :task_id, :answer, :expires_ms, :created_ms, :source_card_id)
ON CONFLICT DO NOTHING;

-- name: eligibility_of_task(tenant_id, task_id)^
-- record_class: EligibilityRow
SELECT tenant_id, eligibility_id, device_id, wearer_id, task_id, answer, expires_ms, created_ms, source_card_id
FROM eligibilities
WHERE tenant_id = :tenant_id AND task_id = :task_id;

-- name: find_eligibility(tenant_id, wearer_id, eligibility_id)^
-- record_class: EligibilityRow
SELECT tenant_id, eligibility_id, device_id, wearer_id, task_id, answer, expires_ms, created_ms, source_card_id
FROM eligibilities
WHERE tenant_id = :tenant_id AND eligibility_id = :eligibility_id
    AND (CAST(:wearer_id AS TEXT) IS NULL OR wearer_id = :wearer_id);

-- name: insert_card(tenant_id, card_id, device_id, wearer_id, eligibility_id, token_reference, state, suspended_by, se_state, card_last4, token_last4, issuer_name, product, card_art, instance_aid, decision, reason, party, verification_methods, verified, created_ms, replaces_card_id, renewal)!
INSERT INTO cards (
    tenant_id, card_id, device_id, wearer_id, eligibility_id, token_reference, state, suspended_by,
    se_state, card_last4, token_last4, issuer_name, product, card_art, instance_aid, decision,
    reason, party, verification_methods, verified, created_ms, replaces_card_id, renewal
) VALUES (
    :tenant_id, :card_id, :device_id, :wearer_id, :eligibility_id, :token_reference, :state, :suspended_by,
    :se_state, :card_last4, :token_last4, :issuer_name, :product, :card_art, :instance_aid, :decision,
    :reason, :party, :verification_methods, :verified, :created_ms, :replaces_card_id, :renewal
);

-- name: update_card(tenant_id, card_id, state, suspended_by, se_state, card_last4, token_last4, card_art, instance_aid, verified, renewal)!
UPDATE cards SET
    state = :state, suspended_by = :suspended_by, se_state = :se_state, card_last4 = :card_last4,
    token_last4 = :token_last4, card_art = :card_art, instance_aid = :instance_aid, verified = :verified,
    renewal = :renewal
WHERE tenant_id = :tenant_id AND card_id = :card_id;

-- name: find_card(tenant_id, wearer_id, card_id)^
-- record_class: CardRow
SELECT
    tenant_id, card_id, device_id, wearer_id, eligibility_id, token_reference, state, suspended_by,
    se_state, card_last4, token_last4, issuer_name, product, card_art, instance_aid, decision,
    reason, party, verification_methods, verified, created_ms, replaces_card_id, renewal
FROM cards
WHERE tenant_id = :tenant_id AND card_id = :card_id
    AND (CAST(:wearer_id AS TEXT) IS NULL OR wearer_id = :wearer_id);

-- name: card_of_eligibility(tenant_id, eligibility_id)$
SELECT card_id FROM cards WHERE tenant_id = :tenant_id AND eligibility_id = :eligibility_id;

-- name: cards_of_device(tenant_id, device_id)
-- record_class: CardRow
SELECT
    tenant_id, card_id, device_id, wearer_id, eligibility_id, token_reference, state, suspended_by,
    se_state, card_last4, token_last4, issuer_name, product, card_art, instance_aid, decision,
    reason, party, verification_methods, verified, created_ms, replaces_card_id, renewal
FROM cards
WHERE tenant_id = :tenant_id AND device_id = :device_id
ORDER BY card_id;

-- name: list_cards(tenant_id, wearer_id, device_id, after, limit)
-- record_class: CardRow
SELECT
    tenant_id, card_id, device_id, wearer_id, eligibility_id, token_reference, state, suspended_by,
    se_state, card_last4, token_last4, issuer_name, product, card_art, instance_aid, decision,
    reason, party, verification_methods, verified, created_ms, replaces_card_id, renewal
FROM cards
WHERE tenant_id = :tenant_id AND card_id > :after
    AND (CAST(:wearer_id AS TEXT) IS NULL OR wearer_id = :wearer_id)
    AND (CAST(:device_id AS TEXT) IS NULL OR device_id = :device_id)
ORDER BY card_id
LIMIT :limit;
