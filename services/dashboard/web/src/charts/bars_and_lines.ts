// BAR, LINE and COMBO: one category axis, one or two value axes.
import { AXIS_ROOM, baseOption, categoriesOf, categoryAxis, legend, runsOf, tooltip, valueAxis, type ChartBuilder, type Run } from "./common";

const MANY_POINTS = 80;

function barSeries(run: Run, stack: string | undefined) {
  return {
    type: "bar",
    name: run.name,
    data: run.values,
    stack,
    barMaxWidth: 42,
    barCategoryGap: run.values.length > 150 ? "0%" : "22%",
    tooltip: { valueFormatter: run.measure.format },
  };
}

function lineSeries(run: Run, second: boolean) {
  return {
    type: "line",
    name: run.name,
    data: run.values,
    yAxisIndex: second ? 1 : 0,
    z: 3,
    lineStyle: { width: 2 },
    symbol: "circle",
    symbolSize: 5,
    showSymbol: run.values.length <= MANY_POINTS,
    sampling: "lttb",
    tooltip: { valueFormatter: run.measure.format },
  };
}

function chart(kind: "bar" | "line" | "combo"): ChartBuilder {
  return (data, { palette }) => {
    const categories = categoriesOf(data, data.dimensions);
    const runs = runsOf(data, categories);
    const second = kind === "combo" ? data.measures.find((measure) => measure.asLine) : undefined;
    const first = data.measures.find((measure) => measure !== second && !(second && measure.asLine)) ?? data.measures[0];
    const stack = data.series ? "all" : undefined;
    const names = [...new Set(runs.map((run) => run.name))];
    const onAxis = data.measures.length > 1 && kind !== "combo" ? undefined : first;
    return {
      ...baseOption(palette),
      legend: legend(palette, names),
      grid: { left: AXIS_ROOM, right: second ? AXIS_ROOM : 14, top: names.length > 1 ? 62 : 32, bottom: categories.texts.some((text) => text.includes("\n")) ? 36 : 22 },
      tooltip: { ...tooltip(palette), trigger: "axis", axisPointer: { type: kind === "line" ? "line" : "shadow", shadowStyle: { opacity: 0.12 } }, order: "seriesAsc" },
      xAxis: { ...categoryAxis(palette, categories.texts), boundaryGap: kind !== "line" },
      yAxis: second ? [valueAxis(palette, onAxis), valueAxis(palette, second, "right")] : [valueAxis(palette, onAxis)],
      series: runs.map((run) =>
        kind === "line" || (kind === "combo" && run.measure.asLine) ? lineSeries(run, second !== undefined) : barSeries(run, stack),
      ),
    };
  };
}

export const barOption = chart("bar");
export const lineOption = chart("line");
export const comboOption = chart("combo");
