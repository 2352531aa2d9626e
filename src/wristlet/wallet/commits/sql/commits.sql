-- name: insert_commit(tenant_id, device_id, sequence, kind, card_id, domain_aid, script_number, apdu_count, apdus, state, report, created_ms)!
INSERT INTO commits (tenant_id, device_id, sequence, kind, card_id, domain_aid, script_number, apdu_count, apdus, state, report, created_ms)
VALUES (:tenant_id, :device_id, :sequence, :kind, :card_id, :domain_aid, :script_number, :apdu_count, :apdus, :state, :report, :created_ms);

-- name: last_number(tenant_id, device_id, domain_aid)$
SELECT MAX(script_number) FROM commits
WHERE tenant_id = :tenant_id AND device_id = :device_id AND domain_aid = :domain_aid;

-- name: find_commit(tenant_id, device_id, sequence)^
-- record_class: CommitRow
SELECT tenant_id, device_id, sequence, kind, card_id, domain_aid, script_number, apdu_count, apdus, state, report, created_ms
FROM commits
WHERE tenant_id = :tenant_id AND device_id = :device_id AND sequence = :sequence;

-- name: commits_after(tenant_id, device_id, after, limit)
-- record_class: CommitRow
SELECT tenant_id, device_id, sequence, kind, card_id, domain_aid, script_number, apdu_count, apdus, state, report, created_ms
FROM commits
WHERE tenant_id = :tenant_id AND device_id = :device_id AND sequence > :after
ORDER BY sequence
LIMIT :limit;

-- name: finish(tenant_id, device_id, sequence)!
UPDATE commits SET state = 'acknowledged', apdus = ''
WHERE tenant_id = :tenant_id AND device_id = :device_id AND sequence = :sequence;

-- name: report(tenant_id, device_id, sequence, report)!
UPDATE commits SET state = 'reported', report = :report
WHERE tenant_id = :tenant_id AND device_id = :device_id AND sequence = :sequence;
