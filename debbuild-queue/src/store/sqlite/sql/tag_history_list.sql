SELECT * FROM tag_history WHERE tag = ?1 AND version > ?2 ORDER BY version LIMIT ?3;
