INSERT INTO avoid (worker, task, until) VALUES (?1, ?2, ?3)
ON CONFLICT (worker, task) DO UPDATE SET until = excluded.until;
