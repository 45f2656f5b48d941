SELECT * FROM tag WHERE name = ?1;
