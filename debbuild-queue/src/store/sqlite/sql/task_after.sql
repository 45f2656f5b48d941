SELECT dependency FROM task_after WHERE task = ?1 ORDER BY dependency;
