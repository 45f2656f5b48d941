DELETE FROM tag_build WHERE tag = ?1 AND build = ?2;
