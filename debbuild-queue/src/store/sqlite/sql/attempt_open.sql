SELECT * FROM attempt
WHERE ended IS NULL AND (task, number) > (?1, ?2)
ORDER BY task, number
LIMIT ?3;
