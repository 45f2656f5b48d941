INSERT INTO request (asked_by, idempotency_key, digest, submitted) VALUES (?1, ?2, ?3, ?4);
