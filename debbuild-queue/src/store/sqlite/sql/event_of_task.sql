SELECT * FROM event WHERE place > ?1 AND task = ?3 ORDER BY place LIMIT ?2;
