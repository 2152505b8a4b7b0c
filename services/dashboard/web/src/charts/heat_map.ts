// HEAT_MAP: the first dimension across, the second down, the measure as colour.
import { compareCells } from "../format/cells";
import { numberOf } from "../format/numbers";
import { baseOption, categoriesOf, categoryAxis, timeLabels, tooltip, tooltipContent, type ChartBuilder } from "./common";
import type { DataColumn, VisualData } from "../dashboard/visual_data";

function sortedCategories(data: VisualData, dimension: DataColumn | undefined) {
  if (!dimension) return { texts: [""], position: () => 0, full: [""] };
  const values = categoriesOf(data, [dimension]).keys.map(([value]) => value);
  values.sort((a, b) => compareCells(a, b, dimension.type));
  const full = values.map(dimension.format);
  const positions = new Map(values.map((value, index) => [JSON.stringify(value ?? null), index]));
  return {
    full,
    texts: timeLabels(full) ?? full,
    position: (row: unknown[]) => positions.get(JSON.stringify(row[dimension.index] ?? null)) ?? 0,
  };
}

export const heatMapOption: ChartBuilder = (data, { palette }) => {
  const [across, down] = data.dimensions;
  const x = sortedCategories(data, across);
  const y = sortedCategories(data, down ?? data.series);
  const measure = data.measures[0];
  const cells = data.rows.flatMap((row) => {
    const value = measure ? numberOf(row[measure.index]) : undefined;
    return value === undefined ? [] : [[x.position(row), y.position(row), value] as [number, number, number]];
  });
  const values = cells.map(([, , value]) => value);
  const min = values.length ? Math.min(...values) : 0;
  const max = values.length ? Math.max(...values) : 1;
  const widest = Math.min(120, Math.max(...y.texts.map((text) => text.length), 1) * 7);
  const format = (value: unknown) => measure?.format(value) ?? "";
  return {
    ...baseOption(palette),
    grid: { left: widest + 14, right: 8, top: 6, bottom: x.texts.some((text) => text.includes("\n")) ? 70 : 58 },
    tooltip: {
      ...tooltip(palette),
      trigger: "item",
      formatter: (item: { value: [number, number, number] }) =>
        tooltipContent(format(item.value[2]), [
          [across?.label ?? "", x.full[item.value[0]] ?? ""],
          [(down ?? data.series)?.label ?? "", y.full[item.value[1]] ?? ""],
        ]),
    },
    xAxis: categoryAxis(palette, x.texts),
    yAxis: { ...categoryAxis(palette, y.texts, widest), inverse: true },
    visualMap: {
      type: "continuous",
      min,
      max: max > min ? max : min + 1,
      orient: "horizontal",
      left: "center",
      bottom: 0,
      itemWidth: 10,
      itemHeight: 140,
      text: [format(max), format(min)],
      textStyle: { color: palette.muted, fontSize: 11.5 },
      textGap: 8,
      inRange: { color: palette.scale },
      hoverLink: false,
    },
    series: [
      {
        type: "heatmap",
        data: cells,
        progressive: 0,
        itemStyle: { borderColor: palette.surface, borderWidth: 1, borderRadius: 2 },
        emphasis: { itemStyle: { borderColor: palette.text, borderWidth: 1 } },
      },
    ],
  };
};
