SELECT * FROM attempt WHERE task = ?1 ORDER BY number;
