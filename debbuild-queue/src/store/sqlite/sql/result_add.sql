INSERT INTO result (task, number, record) VALUES (?1, ?2, ?3);
