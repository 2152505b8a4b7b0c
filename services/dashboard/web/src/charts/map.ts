// MAP: points on a plain grid of longitude and latitude. No tiles, so no request leaves for another host.
import { numberOf } from "../format/numbers";
import { baseOption, tooltip, tooltipContent, type ChartBuilder } from "./common";
import { formatDegrees, mapBounds } from "./map_bounds";

const MOST_LABELS = 40;
const MARGIN = { left: 66, right: 14, top: 8, bottom: 26 };

export const mapOption: ChartBuilder = (data, { palette, width, height }) => {
  const [lonColumn, latColumn, ...texts] = data.dimensions;
  const named = data.series ? [...texts, data.series] : texts;
  const measure = data.measures[0];
  const points = data.rows.flatMap((row) => {
    const lon = lonColumn ? numberOf(row[lonColumn.index]) : undefined;
    const lat = latColumn ? numberOf(row[latColumn.index]) : undefined;
    if (lon === undefined || lat === undefined) return [];
    const size = measure ? (numberOf(row[measure.index]) ?? 0) : 1;
    return [{ lon, lat, size, row }];
  });
  const largest = Math.max(...points.map((point) => Math.abs(point.size)), 1e-12);
  const bounds = mapBounds(points, width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom);
  const nameOf = (row: unknown[]) => named.map((column) => column.format(row[column.index])).join(" · ");
  const axis = (kind: "lon" | "lat", min: number, max: number) => ({
    type: "value",
    min,
    max,
    interval: bounds.step,
    splitLine: { lineStyle: { color: palette.line } },
    axisLine: { show: true, lineStyle: { color: palette.line } },
    axisTick: { show: false },
    axisLabel: { color: palette.muted, fontSize: 11, hideOverlap: true, showMinLabel: false, formatter: (value: number) => formatDegrees(value, kind, bounds.step) },
  });
  const onGrid = (value: number, up: boolean) => (up ? Math.ceil(value / bounds.step) : Math.floor(value / bounds.step)) * bounds.step;
  return {
    ...baseOption(palette),
    grid: { ...MARGIN, show: true, backgroundColor: palette.land, borderColor: palette.line },
    tooltip: {
      ...tooltip(palette),
      trigger: "item",
      formatter: (item: { data: { row: unknown[] } }) =>
        tooltipContent(
          nameOf(item.data.row) || "Point",
          [...data.measures, ...(lonColumn ? [lonColumn] : []), ...(latColumn ? [latColumn] : [])].map((column) => [column.label, column.format(item.data.row[column.index])]),
        ),
    },
    xAxis: axis("lon", onGrid(bounds.west, false), onGrid(bounds.east, true)),
    yAxis: axis("lat", onGrid(bounds.south, false), onGrid(bounds.north, true)),
    series: [
      {
        type: "scatter",
        data: points.map((point) => ({ value: [point.lon, point.lat], row: point.row, symbolSize: 9 + 15 * Math.sqrt(Math.abs(point.size) / largest) })),
        itemStyle: { color: palette.accent, opacity: 0.78, borderColor: palette.surface, borderWidth: 1.5 },
        label: {
          show: points.length <= MOST_LABELS && named.length > 0,
          position: "top",
          distance: 6,
          color: palette.text,
          fontSize: 11.5,
          width: 150,
          overflow: "truncate",
          formatter: (item: { data: { row: unknown[] } }) => nameOf(item.data.row),
        },
        labelLayout: { hideOverlap: true, moveOverlap: "shiftY" },
      },
    ],
  };
};
