// The newest queries beside the editor; each one leads to its statement and its kept result.
import { Link, useSearchParams } from "react-router-dom";
import { queries } from "../api/clients";
import { idOf } from "../api/names";
import { useRemote } from "../api/use_remote";
import { counted } from "../format/numbers";
import { formatDuration, spanMs } from "../format/times";
import { ExecutionState } from "../gen/tarn/common/v1/execution_pb.js";
import type { Query } from "../gen/tarn/query/v1/query_pb.js";
import { FailureNotice, SkeletonLines } from "../parts/notices";
import { hasEnded, StateBadge } from "../parts/StateBadge";
import { Time } from "../parts/Time";

// Statements that somebody wrote. Those of dashboards, rules and pipelines would bury them.
function byHand(query: Query): boolean {
  return query.source === "" || query.source === "page" || query.source === "cli";
}

export function History({ current, version }: { current: string; version: number }) {
  const [search] = useSearchParams();
  const all = search.get("history") === "all";
  const list = useRemote(`history ${version}`, (signal) => queries.listQueries({ pageSize: 200 }, { signal }), {
    keep: true,
    refreshMs: (answer) => (answer.queries.some((query) => !hasEnded(query.state)) ? 3_000 : 30_000),
  });
  const shown = list.value?.queries.filter((query) => all || byHand(query)) ?? [];
  const other = new URLSearchParams(search);
  if (all) other.delete("history");
  else other.set("history", "all");
  return (
    <aside className="card history" aria-label="History">
      <div className="card-head row spread">
        <h2>History</h2>
        <Link className="small" to={{ search: other.toString() }}>
          {all ? "Only statements by hand" : "All sources"}
        </Link>
      </div>
      {list.failure && <FailureNotice failure={list.failure} retry={list.reload} />}
      {!list.value && !list.failure && <SkeletonLines label="Loading the history" />}
      {list.value && shown.length === 0 && <p className="card-body muted small">Nothing has been asked yet.</p>}
      <ul>
        {shown.map((query) => (
          <li key={query.name}>
            <Entry query={query} all={all} active={idOf(query.name) === current} />
          </li>
        ))}
      </ul>
    </aside>
  );
}

function Entry({ query, all, active }: { query: Query; all: boolean; active: boolean }) {
  const took = spanMs(query.times?.startTime, query.times?.endTime, Date.now());
  return (
    <Link className="history-entry" to={`/sql?query=${encodeURIComponent(idOf(query.name))}${all ? "&history=all" : ""}`} aria-current={active ? "true" : undefined} title={query.sql.slice(0, 2_000)}>
      <code>{query.sql.replace(/\s+/g, " ").slice(0, 160)}</code>
      <span className="row small muted number">
        <StateBadge state={query.state} />
        {hasEnded(query.state) && took !== undefined && <span>{formatDuration(took)}</span>}
        {query.state === ExecutionState.SUCCEEDED && <span>{counted(query.statistics?.rowCount ?? 0, "row")}</span>}
        <Time at={query.times?.createTime} />
        {all && query.source && <span className="history-source">{query.source}</span>}
      </span>
    </Link>
  );
}
