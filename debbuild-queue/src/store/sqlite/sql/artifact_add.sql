INSERT INTO artifact (task, number, name, kind, size, sha256) VALUES (?1, ?2, ?3, ?4, ?5, ?6);
