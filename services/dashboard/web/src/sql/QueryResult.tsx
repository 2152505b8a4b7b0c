// What came of a query: state, figures, rows or error.
import { useState } from "react";
import { Link } from "react-router-dom";
import { failureOf, type Failure } from "../api/failure";
import { idIn, idOf } from "../api/names";
import { counted, formatBytes, formatCount } from "../format/numbers";
import { formatDuration, spanMs } from "../format/times";
import { ExecutionState } from "../gen/tarn/common/v1/execution_pb.js";
import { StatementType, type Query } from "../gen/tarn/query/v1/query_pb.js";
import { Icon } from "../parts/Icon";
import { Empty, ExecutionErrorNotice, FailureNotice } from "../parts/notices";
import { RowTable } from "../parts/RowTable";
import { hasEnded, StateBadge } from "../parts/StateBadge";
import { useNow } from "../parts/use_now";
import { saveCsv } from "./save_csv";
import { MOST_ROWS, type Followed } from "./use_query";

const WRITES = new Set([StatementType.CREATE_TABLE_AS, StatementType.INSERT, StatementType.INSERT_OVERWRITE]);

export function QueryResult({ followed }: { followed: Followed }) {
  const { query, rows, fetching, failure } = followed;
  if (failure && !query) return <FailureNotice failure={failure} />;
  if (!query) return <span className="skeleton" style={{ height: 120 }} role="status" aria-label="Loading the query" />;
  return (
    <section className="card result" aria-label="Result" data-state={ExecutionState[query.state]} data-complete={hasEnded(query.state) && !fetching}>
      <ResultHead query={query} />
      {query.error && (
        <div className="card-body">
          <ExecutionErrorNotice error={query.error} title="The statement failed" />
        </div>
      )}
      {failure && (
        <div className="card-body">
          <FailureNotice failure={failure} />
        </div>
      )}
      {query.state === ExecutionState.SUCCEEDED && query.columns.length === 0 && <Done query={query} />}
      {query.state === ExecutionState.SUCCEEDED && query.columns.length > 0 && (
        <>
          <RowTable caption="Rows of the result" columns={query.columns.map((column) => ({ ...column, label: column.name }))} rows={rows} height="min(62vh, 640px)" />
          {rows.length === 0 && !fetching && !failure && <Empty title="No rows" />}
          {rows.length >= MOST_ROWS && Number(query.statistics?.rowCount ?? 0) > rows.length && (
            <p className="result-note small muted">
              The first {formatCount(rows.length)} of {counted(query.statistics?.rowCount ?? 0, "row")} are shown. Save the CSV for all of them.
            </p>
          )}
        </>
      )}
    </section>
  );
}

function ResultHead({ query }: { query: Query }) {
  const ended = hasEnded(query.state);
  const now = useNow(ended ? 0 : 200);
  const [saving, setSaving] = useState(false);
  const [problem, setProblem] = useState<Failure>();
  const elapsed = spanMs(query.times?.startTime ?? query.times?.createTime, query.times?.endTime, now);
  const statistics = query.statistics;
  const save = async () => {
    setSaving(true);
    setProblem(undefined);
    try {
      await saveCsv(idOf(query.name));
    } catch (error) {
      setProblem(failureOf(error));
    }
    setSaving(false);
  };
  return (
    <div className="card-head row spread">
      <span className="row small number" role="status">
        <StateBadge state={query.state} />
        {elapsed !== undefined && <span>{formatDuration(elapsed)}</span>}
        {ended && statistics && (
          <span className="muted">
            {counted(statistics.rowCount, "row")} · {formatBytes(statistics.bytesRead)} read · {counted(statistics.filesRead, "file")}
            {statistics.filesSkipped > 0n && `, ${formatCount(statistics.filesSkipped)} skipped`}
          </span>
        )}
      </span>
      {query.state === ExecutionState.SUCCEEDED && query.columns.length > 0 && (
        <span className="row">
          {problem && <span className="small muted">{problem.message}</span>}
          <button type="button" className="button tiny" disabled={saving} onClick={() => void save()}>
            <Icon name="download" /> CSV
          </button>
        </span>
      )}
    </div>
  );
}

function Done({ query }: { query: Query }) {
  const written = query.writtenSnapshot.split("@")[0] ?? "";
  const [database, table] = written.includes("/") ? [idIn(written, "databases"), idIn(written, "tables")] : written.split(".");
  return (
    <Empty icon="check" title={WRITES.has(query.statementType) ? `${counted(query.statistics?.rowCount ?? 0, "row")} written` : "Done"}>
      {database && table && <Link to={`/catalog/${database}/${table}`}>{`${database}.${table}`}</Link>}
    </Empty>
  );
}
