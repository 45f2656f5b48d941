-- The chunk that holds the offset, and those after it.
SELECT start, bytes FROM log_chunk
WHERE task = ?1 AND number = ?2 AND start < ?4
    AND start >= coalesce(
        (SELECT max(start) FROM log_chunk WHERE task = ?1 AND number = ?2 AND start <= ?3), 0)
ORDER BY start;
