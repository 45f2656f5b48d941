SELECT * FROM worker WHERE name = ?1;
