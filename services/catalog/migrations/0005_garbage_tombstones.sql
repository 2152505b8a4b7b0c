-- When a dropped table's folder was removed. Its row stays for some time after that, so that neither a
-- table nor a commit takes the folder up while another collector may still be removing it.
ALTER TABLE catalog.garbage ADD COLUMN removed_at timestamptz;
