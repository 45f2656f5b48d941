SELECT * FROM task
WHERE id < ?1
    AND (?2 = '[]' OR state IN (SELECT value FROM json_each(?2)))
    AND (?3 IS NULL OR kind = ?3)
    AND (?4 IS NULL OR instr(label, ?4) > 0)
    AND (?5 IS NULL OR request = ?5)
ORDER BY id DESC
LIMIT ?6;
