-- What crawlers can be told, dry runs, what crawls changed and why columns have their types.

-- options: {} or all of CrawlOptions but on_upload.
ALTER TABLE catalog.crawlers
  ADD COLUMN options jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN on_upload boolean NOT NULL DEFAULT false;
CREATE INDEX crawlers_on_upload ON catalog.crawlers (workspace) WHERE on_upload;

-- changes: the first ones, as [kind, subject, before, after, held_back_by].
ALTER TABLE catalog.crawls
  ADD COLUMN dry_run boolean NOT NULL DEFAULT false,
  ADD COLUMN changes jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN change_count bigint NOT NULL DEFAULT 0;
-- At most one crawl and one dry run of a crawler wait: StartCrawl gives that one.
DROP INDEX catalog.crawls_queued;
CREATE UNIQUE INDEX crawls_queued ON catalog.crawls (workspace, crawler, dry_run) WHERE state = 1;

-- What is learnt of files holds more from now on: they are read once more.
DELETE FROM catalog.crawled_files;
ALTER TABLE catalog.crawled_files
  ADD COLUMN settled boolean NOT NULL DEFAULT false,
  ADD COLUMN fingerprint text NOT NULL DEFAULT '',
  ADD COLUMN needs_copy boolean NOT NULL DEFAULT false;

-- Of the newest crawls of each crawler. explanation: proto JSON of a ColumnExplanation.
CREATE TABLE catalog.crawl_explanations (
  workspace text NOT NULL,
  crawler text NOT NULL,
  crawl uuid NOT NULL,
  position bigint NOT NULL,
  explanation jsonb NOT NULL,
  PRIMARY KEY (workspace, crawler, crawl, position),
  FOREIGN KEY (workspace, crawler, crawl) REFERENCES catalog.crawls ON DELETE CASCADE
);
