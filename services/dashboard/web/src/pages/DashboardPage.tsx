// One dashboard: its filters and its visuals, all computed in one call.
import { useCallback, useMemo } from "react";
import { useParams, useSearchParams } from "react-router-dom";
import { dashboards } from "../api/clients";
import { useRemote } from "../api/use_remote";
import { renderChoices } from "../dashboard/choices";
import { FilterBar } from "../dashboard/FilterBar";
import { VisualCard, type VisualView } from "../dashboard/VisualCard";
import { formatAbsolute } from "../format/times";
import type { Visual } from "../gen/tarn/dashboard/v1/dashboard_pb.js";
import { Icon } from "../parts/Icon";
import { FailureNotice, SkeletonLines } from "../parts/notices";
import { PageHead } from "../parts/PageHead";

const AS_TABLE = "as_table";
const SORT = "sort.";

// In the order in which they are read, which is also that of one column on a phone.
function inReadingOrder(visuals: Visual[]): Visual[] {
  const row = (visual: Visual) => visual.layout?.y ?? Number.MAX_SAFE_INTEGER;
  return [...visuals].sort((a, b) => row(a) - row(b) || (a.layout?.x ?? 0) - (b.layout?.x ?? 0));
}

// Whether the manifest gives places. Visuals that all stand at the origin have none.
function havePlaces(visuals: Visual[]): boolean {
  return new Set(visuals.map((visual) => `${visual.layout?.x ?? 0},${visual.layout?.y ?? 0}`)).size === visuals.length;
}

export default function DashboardPage() {
  const { id = "" } = useParams();
  const [search, setSearch] = useSearchParams();
  const name = `dashboards/${id}`;

  const definition = useRemote(name, (signal) => dashboards.getDashboard({ name }, { signal }));
  const choices = useMemo(() => (definition.value ? renderChoices(search, definition.value) : undefined), [definition.value, search]);
  const renderKey = choices ? `${name}?${JSON.stringify(choices)}` : "";
  const rendered = useRemote(renderKey, (signal) => dashboards.renderDashboard({ name, ...choices }, { signal }), { keep: true });

  const onView = useCallback(
    (visualId: string, view: VisualView) =>
      setSearch((before) => {
        const next = new URLSearchParams(before);
        const tables = next.getAll(AS_TABLE).filter((other) => other !== visualId);
        next.delete(AS_TABLE);
        [...tables, ...(view.asTable ? [visualId] : [])].forEach((other) => next.append(AS_TABLE, other));
        if (view.sorting) next.set(SORT + visualId, view.sorting);
        else next.delete(SORT + visualId);
        return next;
      }),
    [setSearch],
  );

  const dashboard = definition.value;
  const answer = rendered.value?.dashboard?.name === name ? rendered.value : undefined;
  if (!dashboard) {
    return (
      <>
        <PageHead title={id} crumbs={[{ to: "/dashboards", text: "Dashboards" }]} />
        {definition.failure ? <FailureNotice failure={definition.failure} retry={definition.reload} /> : <SkeletonLines label="Loading the dashboard" />}
      </>
    );
  }
  const placed = havePlaces(dashboard.visuals);
  const filterLabels = Object.fromEntries(dashboard.filters.map((filter) => [filter.id, filter.label]));
  return (
    <div data-rendered={answer !== undefined && !rendered.loading} data-search={search.toString()}>
      <PageHead title={dashboard.title || id} note={dashboard.description} crumbs={[{ to: "/dashboards", text: "Dashboards" }]}>
        {answer && (
          <span className="small muted number" role="status">
            {rendered.loading ? "Computing…" : `As of ${formatAbsolute(rendered.loadedAt).slice(11)}`}
          </span>
        )}
        <button type="button" className="button" onClick={rendered.reload} disabled={rendered.loading}>
          <Icon name="refresh" /> Refresh
        </button>
      </PageHead>
      <FilterBar dashboard={dashboard} options={answer?.filterOptions ?? []} search={search} onSearch={(next) => setSearch(next)} />
      {rendered.failure && (
        <div style={{ marginBottom: 16 }}>
          <FailureNotice failure={rendered.failure} retry={rendered.reload} />
        </div>
      )}
      {(answer || !rendered.failure) && (
        <div className="visual-grid">
          {inReadingOrder(dashboard.visuals).map((visual) => (
            <VisualCard
              key={visual.id}
              visual={visual}
              placed={placed}
              result={answer?.visuals.find((result) => result.visualId === visual.id)}
              stale={answer !== undefined && rendered.loading}
              filterLabels={filterLabels}
              view={{ asTable: search.getAll(AS_TABLE).includes(visual.id), sorting: search.get(SORT + visual.id) ?? "" }}
              onView={(view) => onView(visual.id, view)}
            />
          ))}
        </div>
      )}
    </div>
  );
}
