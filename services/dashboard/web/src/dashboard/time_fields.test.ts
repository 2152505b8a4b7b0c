import { describe, expect, it } from "vitest";
import { dayAfter, formOf, fromField, toField } from "./time_fields";

describe("time fields", () => {
  it("are days for days and for midnights", () => {
    expect(formOf(["2019-12-21", "2019-12-22T00:00:00"])).toEqual({ withClock: false, zone: "" });
  });

  it("are times of day as soon as one text has one, and keep the zone of the data", () => {
    const form = formOf(["2019-12-21T08:30:00Z", ""]);
    expect(form).toEqual({ withClock: true, zone: "Z" });
    expect(toField("2019-12-21T08:30:00Z", form)).toBe("2019-12-21T08:30");
    expect(fromField("2019-12-21T09:15", form)).toBe("2019-12-21T09:15:00Z");
  });

  it("give nothing for what is no whole time yet", () => {
    const form = formOf([]);
    expect(fromField("", form)).toBe("");
    expect(fromField("0002-01-01", form)).toBe("");
    expect(fromField("2019-12-21", form)).toBe("2019-12-21");
  });

  it("end the day after the last day with data, across a year", () => {
    expect(dayAfter("2019-12-31T23:55:00")).toBe("2020-01-01");
  });
});
