// One visual in its frame: title, the table beside the picture, its query, and what there is to say of its rows.
import { Link } from "react-router-dom";
import type { CSSProperties } from "react";
import { VisualType, type Visual } from "../gen/tarn/dashboard/v1/dashboard_pb.js";
import type { VisualResult } from "../gen/tarn/dashboard/v1/dashboard_service_pb.js";
import { Icon } from "../parts/Icon";
import type { Sorting } from "../parts/RowTable";
import { VisualBody } from "./VisualBody";

export type VisualView = { asTable: boolean; sorting: string };

type Props = {
  visual: Visual;
  placed: boolean;
  result: VisualResult | undefined;
  stale: boolean;
  filterLabels: Record<string, string>;
  view: VisualView;
  onView: (view: VisualView) => void;
};

// The visual's place on the grid of twelve columns; where places are not given it takes the next free one.
function placeOf(visual: Visual, placed: boolean): CSSProperties {
  const width = Math.min(12, Math.max(1, visual.layout?.width || 6));
  const height = Math.max(1, visual.layout?.height || 4);
  if (!visual.layout || !placed) return { gridColumn: `span ${width}`, gridRow: `span ${height}` };
  return { gridColumn: `${Math.min(visual.layout.x, 12 - width) + 1} / span ${width}`, gridRow: `${visual.layout.y + 1} / span ${height}` };
}

export function VisualCard({ visual, placed, result, stale, filterLabels, view, onView }: Props) {
  const isPicture = visual.type !== VisualType.TABLE && visual.type !== VisualType.FIGURE;
  const state = !result ? "loading" : result.error ? "error" : result.rows.length === 0 ? "empty" : "ready";
  const notes: string[] = [];
  if (result?.truncated) notes.push(`Only the first ${result.rows.length} rows are shown.`);
  if (result && result.unappliedFilters.length > 0) {
    notes.push(`Not filtered by ${result.unappliedFilters.map((id) => filterLabels[id] ?? id).join(", ")}: its data do not have the field.`);
  }
  return (
    <section
      className={`card visual kind-${(VisualType[visual.type] ?? "unknown").toLowerCase()}`}
      style={placeOf(visual, placed)}
      aria-label={visual.title}
      aria-busy={stale || state === "loading"}
      data-visual={visual.id}
      data-state={state}
    >
      <header className="visual-head">
        <h2 title={visual.title}>{visual.title}</h2>
        <span className="visual-tools">
          {isPicture && state === "ready" && (
            <button
              type="button"
              className="button quiet tiny icon-only"
              aria-pressed={view.asTable}
              aria-label={`Show ${visual.title} as a table`}
              title={view.asTable ? "Show the picture" : "Show as a table"}
              onClick={() => onView({ ...view, asTable: !view.asTable })}
            >
              <Icon name={view.asTable ? "chart" : "table"} />
            </button>
          )}
          {result?.query && (
            <Link className="button quiet tiny icon-only" to={`/sql?q=${encodeURIComponent(result.query)}`} aria-label={`Open the query of ${visual.title}`} title="Open its query">
              <Icon name="sql" />
            </Link>
          )}
        </span>
      </header>
      <div className={stale ? "visual-body stale" : "visual-body"}>
        <VisualBody visual={visual} result={result} asTable={view.asTable || visual.type === VisualType.TABLE} sorting={view.sorting} onSorting={(sorting) => onView({ ...view, sorting })} />
      </div>
      {notes.length > 0 && <p className="visual-note small muted">{notes.join(" ")}</p>}
    </section>
  );
}

// How a sorted column stands in the address: its name, `-` before it for largest first.
export function sortingText(sorting: Sorting, names: string[]): string {
  return sorting ? `${sorting.descending ? "-" : ""}${names[sorting.column] ?? ""}` : "";
}

export function sortingOf(text: string, names: string[]): Sorting {
  const descending = text.startsWith("-");
  const column = names.indexOf(descending ? text.slice(1) : text);
  return text === "" || column < 0 ? undefined : { column, descending };
}
