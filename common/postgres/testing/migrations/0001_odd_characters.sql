-- Characters that a build script could spoil on the way.
CREATE TABLE example.odd (v text NOT NULL);
INSERT INTO example.odd VALUES ('a;b "c" ${d} \n [e] )x" | @f@');
