-- Served by the partial index task_ready: the order of work, without sorting.
SELECT * FROM task
WHERE state = 'ready'
    AND (rank, id) > (?1, ?2)
    AND (not_before IS NULL OR not_before <= ?3 OR not_before > ?4)
    AND (?5 = '[]' OR kind IN (SELECT value FROM json_each(?5)))
ORDER BY rank, id
LIMIT ?6;
