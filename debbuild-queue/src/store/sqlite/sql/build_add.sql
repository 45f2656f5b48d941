INSERT INTO build (task, number, accepted, source, version, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6);
