SELECT task.id FROM task_after JOIN task ON task.id = task_after.task
WHERE task_after.dependency = ?1 AND task.state = 'blocked' ORDER BY task.id;
