SELECT name, kind, size, sha256 FROM artifact WHERE task = ?1 AND number = ?2 ORDER BY name;
