// Numbers without a locale: a point before decimals, a narrow space between thousands (SI), a true minus.
const NARROW_SPACE = "\u202f";

export function formatNumber(value: number, decimals?: number): string {
  if (!Number.isFinite(value)) return String(value);
  const text = decimals === undefined ? trimmed(value) : Math.abs(value).toFixed(decimals);
  if (text.includes("e")) return value < 0 ? `\u2212${text}` : text;
  const [whole = "0", fraction] = text.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, NARROW_SPACE);
  const sign = value < 0 && Number(text) !== 0 ? "\u2212" : "";
  return sign + grouped + (fraction ? `.${fraction}` : "");
}

function trimmed(value: number): string {
  return String(Number(Math.abs(value).toPrecision(12)));
}

export function formatCount(value: bigint | number): string {
  return value.toString().replace(/\B(?=(\d{3})+$)/g, NARROW_SPACE);
}

// "1 row", "2 880 rows".
export function counted(value: bigint | number, one: string, many = `${one}s`): string {
  return `${formatCount(value)} ${Number(value) === 1 ? one : many}`;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function formatBytes(value: bigint | number): string {
  let size = Number(value);
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${formatNumber(size, unit === 0 || size >= 100 ? 0 : 1)} ${UNITS[unit]}`;
}

// For an axis: 1 200 000 is 1.2 M.
export function formatShort(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${formatNumber(Number((value / 1e9).toPrecision(3)))} G`;
  if (size >= 1e6) return `${formatNumber(Number((value / 1e6).toPrecision(3)))} M`;
  if (size >= 1e4) return `${formatNumber(Number((value / 1e3).toPrecision(3)))} k`;
  return formatNumber(Number(value.toPrecision(6)));
}

// A number out of JSON, where a decimal or a large integer is text. Undefined for what is none.
export function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value))) return Number(value);
  return undefined;
}
