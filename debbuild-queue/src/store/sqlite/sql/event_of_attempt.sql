SELECT * FROM event WHERE place > ?1 AND task = ?3 AND number = ?4 ORDER BY place LIMIT ?2;
