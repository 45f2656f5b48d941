SELECT id FROM task WHERE request = ?1 ORDER BY id;
