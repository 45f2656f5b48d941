INSERT OR IGNORE INTO task_after (task, dependency) VALUES (?1, ?2);
