-- name: task_get^
SELECT operation, body_hash, answer FROM tasks
WHERE requestor_id = :requestor_id AND task_id = :task_id;

-- name: task_add!
INSERT INTO tasks (requestor_id, task_id, operation, body_hash, answer, created_ms)
VALUES (:requestor_id, :task_id, :operation, :body_hash, :answer, :created_ms);

-- name: eligibility_add!
INSERT INTO eligibilities (
    eligibility_id, requestor_id, se_id, card_sealed, challenge, terms_id, expires_ms, used_by_task,
    source_reference, created_ms
) VALUES (
    :eligibility_id, :requestor_id, :se_id, :card_sealed, :challenge, :terms_id, :expires_ms, NULL,
    :source_reference, :created_ms
);

-- name: eligibility_get^
SELECT eligibility_id, requestor_id, se_id, card_sealed, challenge, terms_id, expires_ms, used_by_task,
    source_reference
FROM eligibilities
WHERE eligibility_id = :eligibility_id AND requestor_id = :requestor_id;

-- name: eligibility_use!
UPDATE eligibilities SET used_by_task = :task_id, card_sealed = NULL
WHERE eligibility_id = :eligibility_id AND used_by_task IS NULL;

-- name: eligibility_forget!
-- Card data of offers that nobody took is erased with the next offer.
UPDATE eligibilities SET card_sealed = NULL WHERE expires_ms < :now_ms AND card_sealed IS NOT NULL;
