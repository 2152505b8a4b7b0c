-- Queries by what asked them: all of one pipeline, one dashboard, one rule. "C": beginnings of a source are looked up too.
CREATE INDEX queries_by_source
  ON query.queries (workspace, (statement ->> 'source') COLLATE "C", create_time DESC);
