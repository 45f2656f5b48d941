INSERT INTO attempt (
    task, number, worker, instance, state, token_hash, claim_key, counter, log_size, leased, revision
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0);
