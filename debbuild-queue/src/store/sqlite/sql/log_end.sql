SELECT coalesce(max(start + length(bytes)), 0) AS size FROM log_chunk WHERE task = ?1 AND number = ?2;
