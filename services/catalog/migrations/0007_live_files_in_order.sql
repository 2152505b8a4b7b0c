-- The live files of a table in the order in which a scan reads them: a table that is committed to all the time has far
-- more files that older snapshots name than live ones.
CREATE INDEX data_files_live_order ON catalog.data_files (table_uid, added_seq, path)
  WHERE removed_seq IS NULL;
