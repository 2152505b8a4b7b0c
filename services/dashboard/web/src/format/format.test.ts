import { describe, expect, it } from "vitest";
import { formatCell, formatTimeText, sortRows } from "./cells";
import { counted, formatBytes, formatNumber, formatShort, numberOf } from "./numbers";
import { formatDuration, formatRelative } from "./times";

describe("numbers", () => {
  it("have a narrow space between thousands, a point and a true minus", () => {
    expect(formatNumber(1234567.891, 2)).toBe("1\u202f234\u202f567.89");
    expect(formatNumber(-1234.5)).toBe("\u22121\u202f234.5");
    expect(formatNumber(-0.001, 2)).toBe("0.00");
    expect(formatNumber(0.1 + 0.2)).toBe("0.3");
    expect(formatNumber(1e21)).toBe("1e+21");
  });

  it("are short on an axis", () => {
    expect(formatShort(1_200_000)).toBe("1.2 M");
    expect(formatShort(25_000)).toBe("25 k");
    expect(formatShort(0.30000000000000004)).toBe("0.3");
  });

  it("are counted and measured in words", () => {
    expect(counted(1n, "row")).toBe("1 row");
    expect(counted(2880, "row")).toBe("2\u202f880 rows");
    expect(formatBytes(412_345n)).toBe("403 KiB");
    expect(formatBytes(0)).toBe("0 B");
  });

  it("are found in text where a decimal or a large integer is text", () => {
    expect(numberOf("12.50")).toBe(12.5);
    expect(numberOf("")).toBeUndefined();
    expect(numberOf(null)).toBeUndefined();
    expect(numberOf("high")).toBeUndefined();
  });
});

describe("times", () => {
  it("are durations as short as they can be read", () => {
    expect([0, 850, 4_200, 185_000, 7_800_000].map(formatDuration)).toEqual(["0 ms", "850 ms", "4.2 s", "3 min 05 s", "2 h 10 min"]);
  });

  it("are distances from now in either direction", () => {
    const now = Date.UTC(2026, 0, 10);
    expect(formatRelative(now - 3 * 60_000, now)).toBe("3 min ago");
    expect(formatRelative(now + 2 * 3_600_000, now)).toBe("in 2 h");
    expect(formatRelative(now - 1_000, now)).toBe("just now");
  });

  it("lose what says nothing when they come as text", () => {
    expect(formatTimeText("2019-12-21T08:00:00.000")).toBe("2019-12-21 08:00");
    expect(formatTimeText("2019-12-21T08:00:01.5Z")).toBe("2019-12-21 08:00:01.5");
    expect(formatTimeText("2019-12-21 08:00:00-08")).toBe("2019-12-21 08:00 -08");
    expect(formatTimeText("soon")).toBe("soon");
  });
});

describe("cells", () => {
  it("are written by their type", () => {
    expect(formatCell(null, "double")).toBe("NULL");
    expect(formatCell("01234", "string")).toBe("01234");
    expect(formatCell("9007199254740993", "long")).toBe("9007199254740993");
    expect(formatCell({ co: 0.1 }, "struct<co: double>")).toBe('{"co":0.1}');
  });

  it("sort by value, NULLs last in either direction", () => {
    const rows = [["10"], [null], ["9"]];
    expect(sortRows(rows, 0, "decimal(4,2)", false)).toEqual([["9"], ["10"], [null]]);
    expect(sortRows(rows, 0, "decimal(4,2)", true)).toEqual([["10"], ["9"], [null]]);
    expect(sortRows(rows, 0, "string", false)).toEqual([["10"], ["9"], [null]]);
  });
});
