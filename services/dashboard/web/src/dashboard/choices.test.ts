import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { DashboardSchema, FilterType } from "../gen/tarn/dashboard/v1/dashboard_pb.js";
import { choiceOf, explicitChoice, type Choice, NO_CHOICE, renderChoices, switchValue, withChoice, withoutChoices, withSwitch } from "./choices";

const dashboard = create(DashboardSchema, {
  filters: [
    { id: "time", type: FilterType.TIME_RANGE },
    { id: "hours", type: FilterType.HOUR_RANGE, defaultValue: { from: "8", until: "22" } },
    { id: "home", type: FilterType.VALUES },
    { id: "billed", type: FilterType.TIME_RANGE },
  ],
  switches: [{ id: "grain", options: [{ value: "hour" }, { value: "day" }], defaultValue: "hour" }],
});
const [time, hours, home, billed] = dashboard.filters as [(typeof dashboard.filters)[0], (typeof dashboard.filters)[0], (typeof dashboard.filters)[0], (typeof dashboard.filters)[0]];
const grain = dashboard.switches[0]!;
const none = () => new URLSearchParams();

describe("choices in the address", () => {
  it("gives the first time range the plain names and the others their own", () => {
    const chosen = { ...NO_CHOICE, from: "2019-12-21", until: "2019-12-22" };
    expect(withChoice(none(), dashboard, time, chosen).toString()).toBe("from=2019-12-21&until=2019-12-22");
    expect(withChoice(none(), dashboard, billed, chosen).toString()).toBe("billed.from=2019-12-21&billed.until=2019-12-22");
  });

  it("reads back every choice that it writes", () => {
    const cases: [typeof time, Choice][] = [
      [time, { ...NO_CHOICE, from: "2019-12-21" }],
      [hours, { ...NO_CHOICE, from: "9", until: "12" }],
      [hours, NO_CHOICE],
      [home, { ...NO_CHOICE, values: ["a", "b & c"] }],
      [home, { ...NO_CHOICE, values: [""] }],
    ];
    for (const [filter, choice] of cases) {
      const search = withChoice(none(), dashboard, filter, choice);
      expect(choiceOf(new URLSearchParams(search.toString()), dashboard, filter)).toEqual(choice);
    }
  });

  it("leaves the default out of the address and says so when everything is wanted instead", () => {
    expect(withChoice(none(), dashboard, hours, { ...NO_CHOICE, from: "08", until: "22" }).toString()).toBe("");
    const everything = withChoice(none(), dashboard, hours, NO_CHOICE);
    expect(everything.get("hours.from")).toBe("*");
    expect(explicitChoice(everything, dashboard, hours)).toEqual(NO_CHOICE);
  });

  it("keeps parameters that are not choices", () => {
    const search = new URLSearchParams("as_table=ring&home=a&grain=day&unknown=1");
    expect(withoutChoices(search, dashboard).toString()).toBe("as_table=ring&unknown=1");
  });

  it("falls back to the default of a switch when the address asks for what it does not have", () => {
    expect(switchValue(new URLSearchParams("grain=century"), grain)).toBe("hour");
    expect(withSwitch(none(), grain, "day").toString()).toBe("grain=day");
    expect(withSwitch(new URLSearchParams("grain=day"), grain, "hour").toString()).toBe("");
  });

  it("sends the server what the address says and nothing of what it does not know", () => {
    const choices = renderChoices(new URLSearchParams("home=a&home=b&grain=day&evil=1"), dashboard);
    expect(Object.keys(choices.filters)).toEqual(["home"]);
    expect(choices.filters.home?.values).toEqual(["a", "b"]);
    expect(choices.switches).toEqual({ grain: "day" });
  });
});
