// The rows of a visual as plain values, with what is known of each column: its role, its label, how its numbers are written.
import type { ListValue, Value } from "@bufbuild/protobuf/wkt";
import { Aggregate, type Measure, type Visual } from "../gen/tarn/dashboard/v1/dashboard_pb.js";
import type { VisualColumn, VisualResult } from "../gen/tarn/dashboard/v1/dashboard_service_pb.js";
import { formatCell, isNumericType } from "../format/cells";
import { formatNumber, numberOf } from "../format/numbers";

export type DataColumn = {
  index: number;
  name: string;
  label: string;
  type: string;
  // The value with prefix, decimals and suffix of its measure, or by its type.
  format: (value: unknown) => string;
};

export type MeasureColumn = DataColumn & { asLine: boolean; prefix: string; suffix: string };

export type VisualData = {
  columns: DataColumn[];
  dimensions: DataColumn[];
  series: DataColumn | undefined;
  measures: MeasureColumn[];
  rows: unknown[][];
};

export function plainValue(value: Value): unknown {
  switch (value.kind.case) {
    case "numberValue":
    case "stringValue":
    case "boolValue":
      return value.kind.value;
    case "listValue":
      return value.kind.value.values.map(plainValue);
    case "structValue":
      return Object.fromEntries(Object.entries(value.kind.value.fields).map(([key, field]) => [key, plainValue(field)]));
    default:
      return null;
  }
}

function plainRow(row: ListValue): unknown[] {
  return row.values.map(plainValue);
}

function decimalsOf(measure: Measure): number {
  if (measure.decimals !== undefined) return measure.decimals;
  return measure.aggregate === Aggregate.COUNT || measure.aggregate === Aggregate.COUNT_DISTINCT ? 0 : 2;
}

function dataColumn(column: VisualColumn, index: number): DataColumn {
  return {
    index,
    name: column.name,
    label: column.label || column.name,
    type: column.type,
    format: (value) => formatCell(value, column.type),
  };
}

function measureColumn(column: DataColumn, measure: Measure | undefined): MeasureColumn {
  const prefix = measure?.prefix ?? "";
  const suffix = measure?.suffix ?? "";
  const decimals = measure ? decimalsOf(measure) : undefined;
  return {
    ...column,
    type: isNumericType(column.type) ? column.type : "double",
    asLine: measure?.asLine ?? false,
    prefix,
    suffix,
    format: (value) => {
      const number = numberOf(value);
      if (number === undefined) return value === null || value === undefined ? "–" : String(value);
      const text = formatNumber(number, decimals);
      return text.startsWith("\u2212") ? `\u2212${prefix}${text.slice(1)}${suffix}` : `${prefix}${text}${suffix}`;
    },
  };
}

export function visualData(visual: Visual, result: VisualResult): VisualData {
  const dimensions: DataColumn[] = [];
  const measures: MeasureColumn[] = [];
  let series: DataColumn | undefined;
  const columns = result.columns.map((column, index) => {
    const plain = dataColumn(column, index);
    if (column.role === "measure") {
      // A measure without aggregation may be a text, which a table shows as it is.
      const definition = visual.measures[measures.length];
      const isText = definition?.aggregate === Aggregate.UNSPECIFIED && !isNumericType(column.type);
      const measure = isText ? { ...plain, asLine: false, prefix: "", suffix: "" } : measureColumn(plain, definition);
      measures.push(measure);
      return measure;
    }
    if (column.role === "series") series = plain;
    else dimensions.push(plain);
    return plain;
  });
  return { columns, dimensions, series, measures, rows: result.rows.map(plainRow) };
}
