SELECT * FROM event WHERE place > ?1 ORDER BY place LIMIT ?2;
