UPDATE worker SET
    instance = ?3, capabilities = ?4, mode = ?5, failures = ?6, quarantined = ?7, seen = ?8, revision = revision + 1
WHERE name = ?1 AND revision = ?2;
