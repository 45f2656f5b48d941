UPDATE tag SET version = ?2, parents = ?3, blocked = ?4 WHERE name = ?1 AND version = ?2 - 1;
