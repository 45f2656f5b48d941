SELECT * FROM event WHERE place > ?1 AND tag = ?3 ORDER BY place LIMIT ?2;
