INSERT INTO worker (name, instance, capabilities, mode, failures, quarantined, seen, revision)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1);
