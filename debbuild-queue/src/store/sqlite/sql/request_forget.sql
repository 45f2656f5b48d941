UPDATE request SET idempotency_key = NULL WHERE submitted < ?1 AND idempotency_key IS NOT NULL;
