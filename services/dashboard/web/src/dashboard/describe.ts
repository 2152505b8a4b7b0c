// A visual in one sentence, for who does not see the picture.
import { VisualType, type Visual } from "../gen/tarn/dashboard/v1/dashboard_pb.js";
import { counted, numberOf } from "../format/numbers";
import type { VisualData } from "./visual_data";

const KINDS: Partial<Record<VisualType, string>> = {
  [VisualType.BAR]: "Bar chart",
  [VisualType.LINE]: "Line chart",
  [VisualType.COMBO]: "Bars and lines",
  [VisualType.RING]: "Ring of shares",
  [VisualType.HEAT_MAP]: "Heat map",
  [VisualType.MAP]: "Map",
};

export function describe(visual: Visual, data: VisualData): string {
  const by = [...data.dimensions, ...(data.series ? [data.series] : [])].map((column) => column.label).join(" and ");
  const what = data.measures.map((measure) => measure.label).join(" and ");
  const parts = [`${KINDS[visual.type] ?? "Chart"}: ${visual.title}.`, `${what || "Rows"}${by ? ` by ${by}` : ""}, ${counted(data.rows.length, "row")}.`];
  const measure = data.measures[0];
  if (measure && data.rows.length > 0) {
    const largest = data.rows.reduce((best, row) => ((numberOf(row[measure.index]) ?? -Infinity) > (numberOf(best[measure.index]) ?? -Infinity) ? row : best));
    const where = [...data.dimensions, ...(data.series ? [data.series] : [])].map((column) => column.format(largest[column.index])).join(", ");
    parts.push(`Largest: ${measure.format(largest[measure.index])}${where ? ` at ${where}` : ""}.`);
  }
  return parts.join(" ");
}
