-- name: insert_commit(tenant_id, device_id, sequence, kind, card_id, domain_aid, script_number, apdu_count, apdus, state, report, failures, created_ms)!
INSERT INTO commits (tenant_id, device_id, sequence, kind, card_id, domain_aid, script_number, apdu_count, apdus, state, report, failures, created_ms)
VALUES (:tenant_id, :device_id, :sequence, :kind, :card_id, :domain_aid, :script_number, :apdu_count, :apdus, :state, :report, :failures, :created_ms);

-- name: last_number(tenant_id, device_id, domain_aid)$
SELECT MAX(script_number) FROM commits
WHERE tenant_id = :tenant_id AND device_id = :device_id AND domain_aid = :domain_aid;

-- name: find_number(tenant_id, device_id, domain_aid, script_number)^
-- record_class: CommitRow
SELECT tenant_id, device_id, sequence, kind, card_id, domain_aid, script_number, apdu_count, apdus, state, report, failures, created_ms
FROM commits
WHERE
    tenant_id = :tenant_id AND device_id = :device_id AND domain_aid = :domain_aid
    AND script_number = :script_number;

-- name: find_commit(tenant_id, device_id, sequence)^
-- record_class: CommitRow
SELECT tenant_id, device_id, sequence, kind, card_id, domain_aid, script_number, apdu_count, apdus, state, report, failures, created_ms
FROM commits
WHERE tenant_id = :tenant_id AND device_id = :device_id AND sequence = :sequence;

-- name: commits_after(tenant_id, device_id, after, limit)
-- record_class: CommitRow
SELECT tenant_id, device_id, sequence, kind, card_id, domain_aid, script_number, apdu_count, apdus, state, report, failures, created_ms
FROM commits
WHERE tenant_id = :tenant_id AND device_id = :device_id AND sequence > :after
ORDER BY sequence
LIMIT :limit;

-- name: finish(tenant_id, device_id, sequence)!
UPDATE commits SET state = 'acknowledged', apdus = ''
WHERE tenant_id = :tenant_id AND device_id = :device_id AND sequence = :sequence;

-- name: report(tenant_id, device_id, sequence, state, report, failures)!
UPDATE commits SET state = :state, report = :report, failures = :failures
WHERE tenant_id = :tenant_id AND device_id = :device_id AND sequence = :sequence;

-- name: supersede(tenant_id, device_id, sequence)!
UPDATE commits SET state = 'superseded', apdus = ''
WHERE tenant_id = :tenant_id AND device_id = :device_id AND sequence = :sequence;
