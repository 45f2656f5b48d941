SELECT id, digest FROM request WHERE asked_by = ?1 AND idempotency_key = ?2;
