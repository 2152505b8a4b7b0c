-- Maintenance jobs can be asked to stop, as crawls can.
ALTER TABLE catalog.maintenance_jobs ADD COLUMN cancel_requested boolean NOT NULL DEFAULT false;
