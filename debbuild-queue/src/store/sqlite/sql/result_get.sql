SELECT record FROM result WHERE task = ?1 AND number = ?2;
