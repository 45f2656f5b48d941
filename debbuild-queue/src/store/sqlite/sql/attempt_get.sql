SELECT * FROM attempt WHERE task = ?1 AND number = ?2;
