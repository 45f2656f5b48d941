SELECT * FROM build
WHERE id < ?1
    AND (?2 IS NULL OR source = ?2)
    AND (?3 IS NULL OR version = ?3)
    AND (?4 IS NULL OR task = ?4)
ORDER BY id DESC
LIMIT ?5;
