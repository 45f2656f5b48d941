INSERT INTO tag_history (tag, version, at, made_by, action, build, text)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);
