SELECT * FROM worker ORDER BY name;
