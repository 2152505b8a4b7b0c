// RING: shares of a whole, the whole in the middle. Beyond eleven parts the smallest become one.
import { numberOf } from "../format/numbers";
import { baseOption, categoriesOf, legend, tooltip, type ChartBuilder } from "./common";

const MOST_PARTS = 12;

export const ringOption: ChartBuilder = (data, { palette, width, height }) => {
  const categories = categoriesOf(data, [...data.dimensions, ...(data.series ? [data.series] : [])]);
  const measure = data.measures[0];
  const all = data.rows
    .map((row) => ({ name: categories.texts[categories.indexOf(row)] ?? "", value: measure ? (numberOf(row[measure.index]) ?? 0) : 0 }))
    .sort((a, b) => b.value - a.value);
  const parts = all.length > MOST_PARTS ? all.slice(0, MOST_PARTS - 1) : all;
  if (all.length > MOST_PARTS) {
    parts.push({ name: `${all.length - parts.length} others`, value: all.slice(MOST_PARTS - 1).reduce((sum, part) => sum + part.value, 0) });
  }
  const total = all.reduce((sum, part) => sum + part.value, 0);
  const beside = width > 380 && width > height * 1.15;
  const ring = Math.min(beside ? width * 0.46 : width, beside ? height : height * 0.8);
  const center = [beside ? ring / 2 + 6 : width / 2, beside ? height / 2 : ring / 2 + 2];
  const names = parts.map((part) => part.name);
  return {
    ...baseOption(palette),
    tooltip: { ...tooltip(palette), trigger: "item" },
    legend: {
      ...legend(palette, names),
      orient: beside ? "vertical" : "horizontal",
      top: beside ? "middle" : ring + 12,
      left: beside ? ring + 26 : 0,
      bottom: beside ? 4 : 0,
      textStyle: { color: palette.muted, fontSize: 12, width: beside ? width - ring - 66 : 160, overflow: "truncate" },
      tooltip: { show: false },
    },
    series: [
      {
        type: "pie",
        name: measure?.label ?? "",
        radius: [ring * 0.31, ring * 0.46],
        center,
        data: parts,
        itemStyle: { borderColor: palette.surface, borderWidth: 2 },
        label: {
          show: true,
          position: "center",
          formatter: () => `{value|${measure?.format(total) ?? ""}}\n{label|total}`,
          rich: {
            value: { fontSize: Math.max(13, Math.min(20, ring * 0.09)), fontWeight: 650, lineHeight: 24, color: palette.text },
            label: { fontSize: 11.5, color: palette.muted, lineHeight: 14 },
          },
        },
        labelLine: { show: false },
        emphasis: { scaleSize: 4 },
        tooltip: { valueFormatter: (value: unknown) => `${measure?.format(value) ?? ""} (${total ? (((numberOf(value) ?? 0) / total) * 100).toFixed(1) : 0} %)` },
      },
    ],
  };
};
