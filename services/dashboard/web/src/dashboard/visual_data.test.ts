import { create, fromJson } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { categoriesOf, runsOf, timeLabels } from "../charts/common";
import { Aggregate, VisualSchema, VisualType } from "../gen/tarn/dashboard/v1/dashboard_pb.js";
import { VisualResultSchema } from "../gen/tarn/dashboard/v1/dashboard_service_pb.js";
import { describe as inWords } from "./describe";
import { levelOf } from "./thresholds";
import { visualData } from "./visual_data";

const visual = create(VisualSchema, {
  title: "Cost",
  type: VisualType.BAR,
  measures: [{ field: "cost", aggregate: Aggregate.SUM, prefix: "$", label: "Cost" }],
});
const result = fromJson(VisualResultSchema, {
  columns: [
    { name: "ts", type: "timestamp", role: "dimension", label: "Time" },
    { name: "device", type: "string", role: "series", label: "Device" },
    { name: "cost", type: "decimal(10,2)", role: "measure", label: "Cost" },
  ],
  rows: [
    ["2019-12-21T01:00:00", "Fan", "0.50"],
    ["2019-12-21T00:00:00", "Fan", "1234.5"],
    ["2019-12-21T00:00:00", "Fridge", 5000],
    ["2019-12-21T01:00:00", null, null],
  ],
});

describe("visual data", () => {
  const data = visualData(visual, result);

  it("sorts columns by their role and writes measures with prefix and two decimals", () => {
    expect(data.dimensions.map((column) => column.name)).toEqual(["ts"]);
    expect(data.series?.name).toBe("device");
    expect(data.measures[0]?.format("1234.5")).toBe("$1\u202f234.50");
    expect(data.measures[0]?.format(-3)).toBe("\u2212$3.00");
    expect(data.measures[0]?.format(null)).toBe("–");
  });

  it("brings times into their order and the largest series first, with gaps where there is no row", () => {
    const categories = categoriesOf(data, data.dimensions);
    expect(categories.texts).toEqual(["00:00", "01:00"]);
    expect(runsOf(data, categories).map((run) => [run.name, run.values])).toEqual([
      ["Fridge", [5000, null]],
      ["Fan", [1234.5, 0.5]],
      ["NULL", [null, null]],
    ]);
  });

  it("says in words what the picture shows", () => {
    expect(inWords(visual, data)).toBe("Bar chart: Cost. Cost by Time and Device, 4 rows. Largest: $5\u202f000.00 at 2019-12-21 00:00, Fridge.");
  });

  it("shortens times as far as they stay apart", () => {
    expect(timeLabels(["2019-12-21", "2019-12-22"])).toEqual(["21 Dec", "22 Dec"]);
    expect(timeLabels(["2019-12-21", "2020-01-01"])).toEqual(["21 Dec 2019", "1 Jan 2020"]);
    expect(timeLabels(["2019-12-21 23:00", "2019-12-22 00:00"])).toEqual(["23:00\n21 Dec", "00:00\n22 Dec"]);
    expect(timeLabels(["2019-12-21", "never"])).toBeUndefined();
  });
});

describe("thresholds", () => {
  const limits = visual.thresholds.concat(
    create(VisualSchema, { thresholds: [{ from: 25, level: "critical" }, { from: 10, level: "warning" }] }).thresholds,
  );

  it("takes the level of the largest limit that is reached, the limit itself included", () => {
    expect(levelOf(9.99, limits)).toBeUndefined();
    expect(levelOf(10, limits)?.level).toBe("warning");
    expect(levelOf(26, limits)?.level).toBe("critical");
  });
});
