SELECT * FROM build WHERE id = ?1;
