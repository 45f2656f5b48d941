UPDATE task SET
    priority = ?3, rank = ?4, state = ?5, not_before = ?6, attempts = ?7, infra_failures = ?8, cancel_by = ?9,
    cancel_reason = ?10, cancel_at = ?11, ended = ?12, failure = ?13, retried_by = ?14, revision = revision + 1
WHERE id = ?1 AND revision = ?2;
