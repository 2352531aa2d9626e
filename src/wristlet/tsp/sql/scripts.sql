-- name: script_add!
INSERT INTO scripts (
    se_id, domain_aid, number, requestor_id, token_reference, purpose, plain_hash, instance_aid,
    package, created_ms
) VALUES (
    :se_id, :domain_aid, :number, :requestor_id, :token_reference, :purpose, :plain_hash,
    :instance_aid, :package, :created_ms
);

-- name: script_get^
SELECT
    se_id, domain_aid, number, requestor_id, token_reference, purpose, plain_hash, instance_aid,
    package, receipt_body, receipt_answer
FROM scripts WHERE se_id = :se_id AND domain_aid = :domain_aid AND number = :number;

-- name: script_last_of_token$
SELECT package FROM scripts
WHERE token_reference = :token_reference AND purpose = :purpose AND counted_ms IS NULL
ORDER BY number DESC LIMIT 1;

-- name: script_count!
UPDATE scripts
SET receipt_body = :receipt_body, receipt_answer = :receipt_answer, counted_ms = :counted_ms
WHERE se_id = :se_id AND domain_aid = :domain_aid AND number = :number AND counted_ms IS NULL;
