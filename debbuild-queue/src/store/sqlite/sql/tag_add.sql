INSERT INTO tag (name, version, parents, blocked) VALUES (?1, ?2, ?3, ?4);
