-- A commit names few files, and looks up each of them by its index. Joined with what the commit names, the planner, which knows
-- nothing of a list in JSON and not how a table has grown since the plan was made, read all live files of the table instead,
-- so that each commit cost more than the one before. OFFSET 0 keeps it from making a join of an EXISTS; the rest of the
-- function is as it was.
CREATE OR REPLACE FUNCTION catalog.commit_table(
  p_workspace text, p_database text, p_table text, p_request_id text, p_operation smallint,
  p_base_snapshot_id bigint, p_schema_id integer,
  -- [{path, derived, rows, bytes, partition, columns, mtime, origins}]
  p_added jsonb,
  -- Paths, or NULL for all live files.
  p_removed jsonb,
  -- NULL: no filter. "all" or a list of partitions.
  p_conflict jsonb,
  p_log_id text, p_log_from bigint, p_log_to bigint,
  p_summary jsonb, p_committed_by text, p_call_request_id text)
RETURNS TABLE (outcome text, detail text, t catalog.tables, h catalog.table_heads,
               s catalog.snapshots)
LANGUAGE plpgsql AS $$
DECLARE
  k_view CONSTANT smallint := 3;
  k_external CONSTANT smallint := 2;
  k_crawl CONSTANT smallint := 5;
  k_operations CONSTANT text[] := ARRAY['append', 'overwrite', 'replace', 'delete', 'crawl'];
  v_base_seq bigint := p_base_snapshot_id & 4294967295;
  v_definition jsonb;
  v_position bigint;
  v_seq bigint;
  v_now timestamptz;
  v_removed_files bigint := 0;
  v_removed_rows bigint := 0;
  v_removed_bytes bigint := 0;
  v_removed_uncounted bigint := 0;
  v_added_files bigint := 0;
  v_added_rows bigint := 0;
  v_added_bytes bigint := 0;
  v_added_uncounted bigint := 0;
BEGIN
  detail := '';
  SELECT * INTO t FROM catalog.tables x
    WHERE x.workspace = p_workspace AND x.database = p_database AND x.name = p_table;
  IF FOUND THEN
    SELECT * INTO h FROM catalog.table_heads x WHERE x.table_uid = t.uid FOR UPDATE;
  END IF;
  IF NOT FOUND THEN
    outcome := 'TABLE_NOT_FOUND'; RETURN NEXT; RETURN;
  END IF;
  -- The definition as it is now that nobody else can change it.
  SELECT * INTO t FROM catalog.tables x WHERE x.uid = h.table_uid;

  SELECT * INTO s FROM catalog.snapshots x
    WHERE x.table_uid = t.uid AND x.request_id = p_request_id;
  IF FOUND THEN
    outcome := 'REPLAYED'; RETURN NEXT; RETURN;
  END IF;

  IF t.type = k_view OR (t.type = k_external) <> (p_operation = k_crawl) THEN
    outcome := 'WRONG_OPERATION'; RETURN NEXT; RETURN;
  END IF;

  IF p_schema_id IS NOT NULL AND p_schema_id <> t.schema_id THEN
    SELECT d.definition INTO v_definition FROM catalog.table_definitions d
      WHERE d.table_uid = t.uid AND d.schema_id = p_schema_id;
    IF NOT FOUND THEN
      outcome := 'SCHEMA_CHANGED'; RETURN NEXT; RETURN;
    END IF;
    SELECT old.f ->> 'name' INTO detail
      FROM jsonb_array_elements(v_definition #> '{schema,fields}') AS old(f)
      WHERE NOT EXISTS (
        SELECT 1 FROM jsonb_array_elements(t.definition #> '{schema,fields}') AS new(f)
        WHERE new.f -> 'id' = old.f -> 'id' AND new.f -> 'name' = old.f -> 'name'
          AND new.f -> 'type' = old.f -> 'type'
          AND new.f -> 'fields' IS NOT DISTINCT FROM old.f -> 'fields')
      LIMIT 1;
    IF FOUND THEN
      outcome := 'SCHEMA_CHANGED'; RETURN NEXT; RETURN;
    END IF;
    detail := '';
    IF v_definition -> 'partition_fields' IS DISTINCT FROM t.definition -> 'partition_fields' THEN
      outcome := 'SPEC_CHANGED'; RETURN NEXT; RETURN;
    END IF;
  END IF;

  IF p_base_snapshot_id <> 0 AND
     ((p_base_snapshot_id >> 32) <> h.snapshot_salt OR v_base_seq > h.sequence_number) THEN
    outcome := 'SNAPSHOT_NOT_FOUND'; RETURN NEXT; RETURN;
  END IF;

  IF p_conflict IS NOT NULL THEN
    SELECT f.path INTO detail FROM catalog.data_files f
      WHERE f.table_uid = t.uid AND f.added_seq > v_base_seq AND f.removed_seq IS NULL
        AND (p_conflict = '"all"' OR f.partition = '[]' OR EXISTS (
          SELECT 1 FROM jsonb_array_elements(
            CASE WHEN jsonb_typeof(p_conflict) = 'array' THEN p_conflict ELSE '[]' END) AS c(value)
          WHERE c.value = f.partition))
      LIMIT 1;
    IF FOUND THEN
      outcome := 'FILES_ADDED_SINCE'; RETURN NEXT; RETURN;
    END IF;
    detail := '';
  END IF;

  SELECT r.path INTO detail FROM jsonb_array_elements_text(coalesce(p_removed, '[]')) AS r(path)
    WHERE NOT EXISTS (
      SELECT 1 FROM catalog.data_files f
      WHERE f.table_uid = t.uid AND f.path = r.path AND f.removed_seq IS NULL OFFSET 0)
    LIMIT 1;
  IF FOUND THEN
    outcome := 'REMOVED_FILE_GONE'; RETURN NEXT; RETURN;
  END IF;
  detail := '';

  IF p_log_id IS NOT NULL THEN
    SELECT l.position INTO v_position FROM catalog.log_positions l
      WHERE l.table_uid = t.uid AND l.log_id = p_log_id;
    IF FOUND AND v_position <> p_log_from THEN
      outcome := CASE WHEN p_log_from > v_position THEN 'LOG_POSITION_GAP'
                      ELSE 'LOG_POSITION_OVERLAP' END;
      detail := v_position::text;
      RETURN NEXT; RETURN;
    END IF;
  END IF;

  IF p_removed IS NOT NULL THEN
    SELECT a.path INTO detail FROM jsonb_to_recordset(p_added) AS a(path text)
      WHERE NOT p_removed ? a.path AND EXISTS (
        SELECT 1 FROM catalog.data_files f
        WHERE f.table_uid = t.uid AND f.path = a.path AND f.removed_seq IS NULL OFFSET 0)
      LIMIT 1;
    IF FOUND THEN
      outcome := 'FILE_EXISTS'; RETURN NEXT; RETURN;
    END IF;
    detail := '';
  END IF;

  -- Who wrote the files may not know that the table was dropped and made again: what lies in the old
  -- one's folder goes with it.
  SELECT a.path INTO detail FROM jsonb_to_recordset(p_added) AS a(path text)
    WHERE EXISTS (
      SELECT 1 FROM catalog.garbage g
      WHERE g.workspace = p_workspace
        AND g.path IN (a.path, substring(a.path FROM '^[^/]+/warehouse/[^/]+/[^/]+')) OFFSET 0)
    LIMIT 1;
  IF FOUND THEN
    outcome := 'FILE_IS_GARBAGE'; RETURN NEXT; RETURN;
  END IF;
  detail := '';

  -- From here on everything succeeds.
  v_seq := h.sequence_number + 1;
  v_now := greatest(clock_timestamp(), h.commit_time);
  IF p_removed IS NULL OR p_removed <> '[]' THEN
    WITH gone AS (
      UPDATE catalog.data_files f SET removed_seq = v_seq
      WHERE f.table_uid = t.uid AND f.removed_seq IS NULL
        AND (p_removed IS NULL
             OR f.path IN (SELECT r.path FROM jsonb_array_elements_text(p_removed) AS r(path)))
      RETURNING f.row_count, f.byte_count)
    SELECT count(*), coalesce(sum(greatest(g.row_count, 0)), 0), coalesce(sum(g.byte_count), 0),
           count(*) FILTER (WHERE g.row_count < 0)
      INTO v_removed_files, v_removed_rows, v_removed_bytes, v_removed_uncounted FROM gone g;
  END IF;
  IF p_added <> '[]' THEN
    WITH added AS (
      INSERT INTO catalog.data_files AS f
        (table_uid, path, derived_path, added_seq, row_count, byte_count, partition, columns,
         modify_time, added_time, origins)
      SELECT t.uid, a.path, coalesce(a.derived, ''), v_seq, a.rows, a.bytes,
             coalesce(a.partition, '[]'), a.columns, a.mtime, v_now, a.origins
      FROM jsonb_to_recordset(p_added) AS a(path text, derived text, rows bigint, bytes bigint,
                                            partition jsonb, columns jsonb, mtime timestamptz,
                                            origins jsonb)
      RETURNING f.row_count, f.byte_count)
    SELECT count(*), coalesce(sum(greatest(g.row_count, 0)), 0), coalesce(sum(g.byte_count), 0),
           count(*) FILTER (WHERE g.row_count < 0)
      INTO v_added_files, v_added_rows, v_added_bytes, v_added_uncounted FROM added g;
  END IF;

  UPDATE catalog.table_heads x SET
      sequence_number = v_seq,
      total_files = x.total_files + v_added_files - v_removed_files,
      total_rows = x.total_rows + v_added_rows - v_removed_rows,
      total_bytes = x.total_bytes + v_added_bytes - v_removed_bytes,
      uncounted_files = x.uncounted_files + v_added_uncounted - v_removed_uncounted,
      commit_time = v_now
    WHERE x.table_uid = t.uid RETURNING * INTO h;

  INSERT INTO catalog.snapshots AS x
    (table_uid, sequence_number, snapshot_id, parent_id, commit_time, operation, schema_id,
     request_id, committed_by, added_files, removed_files, added_rows, removed_rows, total_files,
     total_rows, total_bytes, summary)
  VALUES
    (t.uid, v_seq, (h.snapshot_salt << 32) | v_seq,
     CASE WHEN v_seq = 1 THEN 0 ELSE (h.snapshot_salt << 32) | (v_seq - 1) END, v_now, p_operation,
     t.schema_id, p_request_id, p_committed_by, v_added_files, v_removed_files, v_added_rows,
     v_removed_rows, h.total_files, h.total_rows, h.total_bytes, p_summary)
  RETURNING * INTO s;

  IF p_log_id IS NOT NULL THEN
    INSERT INTO catalog.log_positions AS l (table_uid, log_id, position)
    VALUES (t.uid, p_log_id, p_log_to)
    ON CONFLICT (table_uid, log_id) DO UPDATE SET position = p_log_to;
  END IF;

  -- A snapshot with the same files (a delivery of records that all were dead letters) is no news.
  IF v_added_files + v_removed_files > 0 THEN
    PERFORM events.append(
      p_workspace, 'tarn.catalog.table.snapshot_created', 'catalog',
      'databases/' || p_database || '/tables/' || p_table,
      jsonb_build_object('snapshot_id', s.snapshot_id, 'operation', k_operations[p_operation],
                         'added_files', v_added_files, 'added_rows', v_added_rows,
                         'summary', p_summary),
      p_call_request_id);
  END IF;
  outcome := 'COMMITTED';
  RETURN NEXT;
END
$$;
