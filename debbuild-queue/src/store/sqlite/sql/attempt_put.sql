UPDATE attempt SET
    state = ?4, counter = ?5, log_size = ?6, log_sha256 = ?7, log_total = ?8, started = ?9, ended = ?10, failure = ?11,
    completion = ?12, revision = revision + 1
WHERE task = ?1 AND number = ?2 AND revision = ?3;
