// What a visual shows: its picture, its table, its error, that there is nothing, or that it is on its way.
import { useMemo } from "react";
import { BUILDERS } from "../charts/builders";
import { EChart } from "../charts/EChart";
import { VisualType, type Visual } from "../gen/tarn/dashboard/v1/dashboard_pb.js";
import type { VisualResult } from "../gen/tarn/dashboard/v1/dashboard_service_pb.js";
import { Empty, ExecutionErrorNotice } from "../parts/notices";
import { RowTable } from "../parts/RowTable";
import { describe } from "./describe";
import { FigureVisual } from "./FigureVisual";
import { sortingOf, sortingText } from "./VisualCard";
import { visualData } from "./visual_data";

type Props = {
  visual: Visual;
  result: VisualResult | undefined;
  asTable: boolean;
  sorting: string;
  onSorting: (sorting: string) => void;
};

export function VisualBody({ visual, result, asTable, sorting, onSorting }: Props) {
  const data = useMemo(() => (result ? visualData(visual, result) : undefined), [visual, result]);
  if (!result || !data) return <span className="skeleton fill" role="status" aria-label={`Computing ${visual.title}`} />;
  if (result.error) return <ExecutionErrorNotice error={result.error} title="This visual could not be computed" />;
  if (data.rows.length === 0) return <Empty title="No rows">Nothing fits the filters that are chosen.</Empty>;
  if (visual.type === VisualType.FIGURE) return <FigureVisual visual={visual} data={data} />;
  if (asTable) {
    const names = data.columns.map((column) => column.name);
    return <RowTable caption={visual.title} columns={data.columns} rows={data.rows} height="100%" sorting={sortingOf(sorting, names)} onSort={(next) => onSorting(sortingText(next, names))} />;
  }
  const build = BUILDERS[visual.type];
  if (!build) return <Empty icon="warning" title="This page does not know this kind of visual" />;
  return <EChart build={build} data={data} label={describe(visual, data)} />;
}
