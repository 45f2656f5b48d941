SELECT build, since FROM tag_build WHERE tag = ?1 ORDER BY since, build;
