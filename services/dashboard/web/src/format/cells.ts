// A value of a result as text, by its column's type.
import { formatNumber, numberOf } from "./numbers";

const NUMERIC = /^(tinyint|smallint|int|integer|bigint|hugeint|long|float|real|double|decimal|u(tinyint|smallint|integer|bigint))/i;

export function isNumericType(type: string): boolean {
  return NUMERIC.test(type);
}

export function isTimeType(type: string): boolean {
  return /^(date|timestamp)/i.test(type);
}

export function formatCell(value: unknown, type: string): string {
  if (value === null || value === undefined) return "NULL";
  if (isTimeType(type) && typeof value === "string") return formatTimeText(value);
  if (typeof value === "number") return formatNumber(value);
  if (typeof value === "string" && isNumericType(type) && numberOf(value) !== undefined) return value;
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}

const ISO = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(\.\d+)?)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?$/;

// ISO text without its T, and without seconds that say nothing. The zone stays where there is one.
export function formatTimeText(text: string): string {
  const match = ISO.exec(text);
  if (!match) return text;
  const [, day, minute, second, fraction, zone] = match;
  if (!minute) return day ?? text;
  const finer = fraction && /[1-9]/.test(fraction) ? fraction : "";
  const seconds = second && (second !== "00" || finer) ? `:${second}${finer}` : "";
  return `${day} ${minute}${seconds}${zone && zone !== "Z" && !/^[+-]00(:?00)?$/.test(zone) ? ` ${zone}` : ""}`;
}

// Compares two values of a column for sorting; NULL comes last in either direction.
export function compareCells(a: unknown, b: unknown, type: string): number {
  if (isNumericType(type)) {
    return (numberOf(a) ?? 0) - (numberOf(b) ?? 0);
  }
  if (typeof a === "number" && typeof b === "number") return a - b;
  const left = formatCell(a, type);
  const right = formatCell(b, type);
  return left < right ? -1 : left > right ? 1 : 0;
}

// Rows in the order of one column. Stable; NULLs last.
export function sortRows(rows: unknown[][], column: number, type: string, descending: boolean): unknown[][] {
  const isNull = (value: unknown) => value === null || value === undefined;
  return [...rows].sort((a, b) => {
    const left = a[column];
    const right = b[column];
    if (isNull(left) || isNull(right)) return Number(isNull(left)) - Number(isNull(right));
    return compareCells(left, right, type) * (descending ? -1 : 1);
  });
}
