// What the charts share: the look of text, axes, legends and tooltips, and the turning of rows into categories and series.
import { compareCells, isTimeType } from "../format/cells";
import { formatShort, numberOf } from "../format/numbers";
import type { DataColumn, MeasureColumn, VisualData } from "../dashboard/visual_data";
import type { EChartsCoreOption } from "./echarts";
import type { Palette } from "./palette";

export type ChartContext = { palette: Palette; width: number; height: number };
export type ChartBuilder = (data: VisualData, context: ChartContext) => EChartsCoreOption;

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif';

export function baseOption(palette: Palette): EChartsCoreOption {
  return {
    color: palette.series,
    textStyle: { fontFamily: FONT, color: palette.text },
    animationDuration: 250,
    animationDurationUpdate: 200,
    tooltip: tooltip(palette),
  };
}

export function tooltip(palette: Palette) {
  return {
    confine: true,
    backgroundColor: palette.surface,
    borderColor: palette.line,
    textStyle: { color: palette.text, fontSize: 12.5, fontFamily: FONT },
    padding: [8, 10],
    extraCssText: "max-height: 260px; overflow: auto; border-radius: 8px;",
  };
}

// A legend above the plot, in one line that can be turned over.
export function legend(palette: Palette, names: string[]) {
  return {
    type: "scroll",
    show: names.length > 1,
    top: 0,
    left: 0,
    right: 0,
    itemWidth: 11,
    itemHeight: 11,
    itemGap: 14,
    icon: "roundRect",
    textStyle: { color: palette.muted, fontSize: 12 },
    pageTextStyle: { color: palette.muted },
    pageIconColor: palette.accent,
    pageIconInactiveColor: palette.line,
    pageIconSize: 11,
    data: names,
  };
}

// Room for the labels around a plot: in pixels, as a name stands above its axis and must not be cut off.
export const AXIS_ROOM = 50;

export function categoryAxis(palette: Palette, categories: string[], widest = 110) {
  const isTime = categories.every((text) => TIME_LABEL.test(text));
  return {
    type: "category",
    data: categories,
    axisLine: { lineStyle: { color: palette.line } },
    axisTick: { show: false },
    axisLabel: { color: palette.muted, fontSize: 11.5, hideOverlap: true, lineHeight: 14, ...(isTime ? {} : { overflow: "truncate", width: widest }) },
  };
}

export function valueAxis(palette: Palette, measure: MeasureColumn | undefined, side: "left" | "right" = "left") {
  const unit = measure?.suffix.trim() ?? "";
  return {
    type: "value",
    position: side,
    name: measure ? `${measure.label}${unit ? ` (${unit})` : ""}` : "",
    nameLocation: "end",
    nameGap: 13,
    nameTextStyle: { color: palette.muted, fontSize: 11.5, align: side === "left" ? "left" : "right", padding: side === "left" ? [0, 0, 0, 6 - AXIS_ROOM] : [0, 6 - AXIS_ROOM, 0, 0] },
    splitNumber: 4,
    splitLine: { show: side === "left", lineStyle: { color: palette.line } },
    axisLabel: { color: palette.muted, fontSize: 11.5, formatter: (value: number) => `${measure?.prefix ?? ""}${formatShort(value)}` },
  };
}

export type Categories = { keys: unknown[][]; texts: string[]; indexOf: (row: unknown[]) => number };

// The distinct values of some dimensions: times in their order, others in the order of the rows.
export function categoriesOf(data: VisualData, dimensions: DataColumn[]): Categories {
  const keyOf = (row: unknown[]) => JSON.stringify(dimensions.map((dimension) => row[dimension.index] ?? null));
  const found = new Map<string, unknown[]>();
  for (const row of data.rows) {
    const key = keyOf(row);
    if (!found.has(key)) found.set(key, dimensions.map((dimension) => row[dimension.index]));
  }
  const first = dimensions[0];
  const entries = [...found];
  if (first && isTimeType(first.type)) entries.sort(([, a], [, b]) => compareCells(a[0], b[0], first.type));
  const positions = new Map(entries.map(([key], index) => [key, index]));
  const values = entries.map(([, value]) => value);
  const short = first && dimensions.length === 1 ? timeLabels(values.map(([value]) => first.format(value))) : undefined;
  return {
    keys: values,
    texts: short ?? values.map((parts) => parts.map((part, index) => dimensions[index]?.format(part) ?? "").join(" · ")),
    indexOf: (row) => positions.get(keyOf(row)) ?? -1,
  };
}

const TIME_LABEL = /^(\d{2}:\d{2}(\n\d{1,2} \w{3}.*)?|\d{1,2} \w{3}( \d{4})?|\d{1,2})$/;
const STAMP = /^(\d{4})-(\d{2})-(\d{2})(?: (\d{2}:\d{2}(?::\d{2})?))?$/;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

// Times as short as they can be told apart: without the day on one day, without the hour for whole days, without the year
// in one year. Undefined when the texts are not all times.
export function timeLabels(texts: string[]): string[] | undefined {
  const parts = texts.map((text) => STAMP.exec(text));
  if (texts.length === 0 || !parts.every((match) => match !== null)) return undefined;
  const distinct = (part: (match: RegExpExecArray) => string) => new Set(parts.map((match) => (match ? part(match) : ""))).size;
  const oneYear = distinct((match) => match[1] ?? "") === 1;
  const oneDay = distinct((match) => match.slice(1, 4).join()) === 1;
  const wholeDays = parts.every((match) => !match?.[4] || match[4] === "00:00");
  return parts.map((match) => {
    const [, year, month, day, clock = "00:00"] = match ?? [];
    const date = `${Number(day)} ${MONTHS[Number(month) - 1]}${oneYear ? "" : ` ${year}`}`;
    if (wholeDays) return date;
    return oneDay ? clock : `${clock}\n${date}`;
  });
}

// One line or one stack of bars for each value of the series, the largest first; without a series one for each measure.
export type Run = { name: string; measure: MeasureColumn; values: (number | null)[] };

export function runsOf(data: VisualData, categories: Categories): Run[] {
  const runs = new Map<string, Run>();
  for (const row of data.rows) {
    const at = categories.indexOf(row);
    for (const measure of data.measures) {
      const series = data.series ? data.series.format(row[data.series.index]) : "";
      const name = !data.series ? measure.label : data.measures.length > 1 ? `${series} · ${measure.label}` : series;
      const key = `${measure.index}/${name}`;
      let run = runs.get(key);
      if (!run) {
        run = { name, measure, values: new Array<number | null>(categories.keys.length).fill(null) };
        runs.set(key, run);
      }
      const value = numberOf(row[measure.index]);
      if (at >= 0 && value !== undefined) run.values[at] = value;
    }
  }
  const all = [...runs.values()];
  const total = (run: Run) => run.values.reduce<number>((sum, value) => sum + Math.abs(value ?? 0), 0);
  return data.series ? all.sort((a, b) => total(b) - total(a)) : all;
}

// A tooltip's content built of elements, so that no data is ever read as markup.
export function tooltipContent(title: string, lines: [string, string][]): HTMLElement {
  const box = document.createElement("div");
  const head = box.appendChild(document.createElement("strong"));
  head.textContent = title;
  for (const [label, value] of lines) {
    const line = box.appendChild(document.createElement("div"));
    line.textContent = label ? `${label}: ${value}` : value;
  }
  return box;
}
