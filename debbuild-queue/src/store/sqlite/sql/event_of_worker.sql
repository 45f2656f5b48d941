SELECT * FROM event WHERE place > ?1 AND worker = ?3 ORDER BY place LIMIT ?2;
