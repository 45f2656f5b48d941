SELECT * FROM task WHERE id = ?1;
