INSERT INTO task (
    request, asked_by, kind, spec, label, priority, rank, state, submitted, not_before, attempts, infra_failures,
    ended, failure, retry_of, revision
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 0);
