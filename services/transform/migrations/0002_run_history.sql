-- Runs are forgotten some time after their end: the oldest of those that ended are found by this.
CREATE INDEX runs_ended ON transform.runs (ended_at) WHERE ended_at IS NOT NULL;
