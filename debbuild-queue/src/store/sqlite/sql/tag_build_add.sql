INSERT INTO tag_build (tag, build, since) VALUES (?1, ?2, ?3);
