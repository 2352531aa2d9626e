-- name: next_record$
SELECT next_record FROM logs WHERE log_id = :log_id;

-- name: log_set!
INSERT INTO logs (log_id, strap, next_record) VALUES (:log_id, :strap, :next_record)
ON CONFLICT (log_id) DO UPDATE SET next_record = excluded.next_record, strap = excluded.strap;

-- name: minutes_forget!
DELETE FROM minutes WHERE log_id IN (SELECT log_id FROM logs WHERE strap = :strap);

-- name: gaps_forget!
DELETE FROM gaps WHERE log_id IN (SELECT log_id FROM logs WHERE strap = :strap);

-- name: logs_forget!
DELETE FROM logs WHERE strap = :strap;

-- name: minute_add!
INSERT INTO minutes (log_id, record, boot, tick_s, utc_s, zone_min, seconds, steps, moving_s, count,
                     heart_bpm, kind, worn, asleep)
VALUES (:log_id, :record, :boot, :tick_s, :utc_s, :zone_min, :seconds, :steps, :moving_s, :count,
        :heart_bpm, :kind, :worn, :asleep);

-- name: minutes_place!
UPDATE minutes SET utc_s = :utc_s + tick_s - :tick_s, zone_min = :zone_min
WHERE log_id = :log_id AND boot = :boot AND utc_s IS NULL;

-- name: gap_add!
INSERT INTO gaps (log_id, first, end, utc_s, zone_min)
VALUES (:log_id, :first, :end, :utc_s, :zone_min);

-- name: gap_list
SELECT log_id, first, end, utc_s, zone_min FROM gaps ORDER BY log_id, first;

-- name: minutes_between
SELECT log_id, record, utc_s, zone_min, seconds, steps, moving_s, count, heart_bpm, kind, worn,
       asleep
FROM minutes
WHERE utc_s >= :from_s - 50400 AND utc_s < :until_s + 50400
  AND utc_s + zone_min * 60 >= :from_s AND utc_s + zone_min * 60 < :until_s
ORDER BY utc_s, log_id, record;

-- name: minutes_unplaced
SELECT COUNT(*), COALESCE(SUM(steps), 0) FROM minutes WHERE utc_s IS NULL;
