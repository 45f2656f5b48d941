INSERT INTO log_chunk (task, number, start, bytes) VALUES (?1, ?2, ?3, ?4);
