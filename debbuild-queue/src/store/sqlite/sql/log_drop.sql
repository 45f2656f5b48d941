DELETE FROM log_chunk WHERE task = ?1 AND number = ?2;
