INSERT INTO event (at, task, number, tag, worker, kind, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);
