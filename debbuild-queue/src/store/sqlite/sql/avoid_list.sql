SELECT task FROM avoid WHERE worker = ?1 AND until > ?2 ORDER BY task;
