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

-- name: scripts_overtaken
-- Tokens whose newest script has a lower number than a committed one, and no receipt.
SELECT s.token_reference FROM scripts AS s
WHERE
    s.se_id = :se_id AND s.domain_aid = :domain_aid AND s.requestor_id = :requestor_id
    AND s.number < :number AND s.counted_ms IS NULL
    AND s.number = (
        SELECT MAX(n.number) FROM scripts AS n WHERE n.token_reference = s.token_reference
    )
ORDER BY s.number;

-- name: scripts_in_vain$
-- Scripts of a token without receipt since the last one that has one.
SELECT COUNT(*) FROM scripts
WHERE
    token_reference = :token_reference AND counted_ms IS NULL
    AND number > (
        SELECT COALESCE(MAX(c.number), 0) FROM scripts AS c
        WHERE c.token_reference = :token_reference AND c.counted_ms IS NOT NULL
    );

-- name: script_count!
UPDATE scripts
SET receipt_body = :receipt_body, receipt_answer = :receipt_answer, counted_ms = :counted_ms
WHERE se_id = :se_id AND domain_aid = :domain_aid AND number = :number AND counted_ms IS NULL;
