// The part of the earth that a map shows: all points, with room around them, in the shape of its box.

export type Bounds = { west: number; east: number; south: number; north: number; step: number };

const STEPS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];
const LEAST_SPAN = 0.02;

// Degrees of longitude are drawn as long as they are at the middle latitude. `step` is the distance of the grid's lines.
export function mapBounds(points: { lon: number; lat: number }[], width: number, height: number): Bounds {
  const lons = points.map((point) => point.lon);
  const lats = points.map((point) => point.lat);
  const middle = (values: number[]) => (values.length ? (Math.min(...values) + Math.max(...values)) / 2 : 0);
  const span = (values: number[]) => (values.length ? Math.max(...values) - Math.min(...values) : 180);
  const lon = middle(lons);
  const lat = middle(lats);
  const shrink = Math.max(0.2, Math.cos((lat * Math.PI) / 180));
  const shape = Math.max(0.2, Math.min(6, width / Math.max(1, height)));
  let tall = Math.max(span(lats) * 1.5, LEAST_SPAN);
  let wide = Math.max(span(lons) * 1.7, LEAST_SPAN);
  if (wide * shrink < tall * shape) wide = (tall * shape) / shrink;
  else tall = (wide * shrink) / shape;
  const step = STEPS.find((size) => Math.max(wide, tall) / size <= 9) ?? 45;
  return { west: lon - wide / 2, east: lon + wide / 2, south: lat - tall / 2, north: lat + tall / 2, step };
}

// 122.5° W
export function formatDegrees(value: number, axis: "lon" | "lat", step: number): string {
  const decimals = step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3;
  const side = axis === "lon" ? (value < 0 ? "W" : "E") : value < 0 ? "S" : "N";
  return `${Math.abs(value).toFixed(decimals)}° ${side}`;
}
