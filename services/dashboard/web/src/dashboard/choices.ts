// What is chosen on a dashboard, as it stands in the page's address, and back.
//
// A filter of values is `?home=a&home=b`; a range is `?hours.from=8&hours.until=22`, the first time range simply
// `?from=…&until=…`; a switch is `?grain=day`. A parameter that is absent means the default, `*` means everything although
// there is a default. What else stands in the address (views of visuals) is left alone.
import { create } from "@bufbuild/protobuf";
import { FilterType, FilterValueSchema, type Dashboard, type Filter, type FilterValue, type Switch } from "../gen/tarn/dashboard/v1/dashboard_pb.js";

export const EVERYTHING = "*";

export type Choice = { from: string; until: string; values: string[] };
export const NO_CHOICE: Choice = { from: "", until: "", values: [] };

type Parameters = { from: string; until: string; values: string };

export function parametersOf(dashboard: Dashboard, filter: Filter): Parameters {
  const firstTime = dashboard.filters.find((other) => other.type === FilterType.TIME_RANGE);
  const names = new Set([...dashboard.filters.map((other) => other.id), ...dashboard.switches.map((other) => other.id)]);
  const plain = firstTime?.id === filter.id && !names.has("from") && !names.has("until");
  return { from: plain ? "from" : `${filter.id}.from`, until: plain ? "until" : `${filter.id}.until`, values: filter.id };
}

function isRange(filter: Filter): boolean {
  return filter.type === FilterType.TIME_RANGE || filter.type === FilterType.HOUR_RANGE;
}

function ofMessage(value: FilterValue | undefined): Choice {
  return value ? { from: value.from, until: value.until, values: [...value.values] } : NO_CHOICE;
}

// What the address says of a filter; undefined when it says nothing.
export function explicitChoice(search: URLSearchParams, dashboard: Dashboard, filter: Filter): Choice | undefined {
  const names = parametersOf(dashboard, filter);
  if (!isRange(filter)) {
    const values = search.getAll(names.values);
    if (values.length === 0) return undefined;
    return values.includes(EVERYTHING) ? NO_CHOICE : { ...NO_CHOICE, values };
  }
  const from = search.get(names.from);
  const until = search.get(names.until);
  if (from === null && until === null) return undefined;
  return from === EVERYTHING ? NO_CHOICE : { ...NO_CHOICE, from: from ?? "", until: until ?? "" };
}

// What holds: what the address says, else the default.
export function choiceOf(search: URLSearchParams, dashboard: Dashboard, filter: Filter): Choice {
  return explicitChoice(search, dashboard, filter) ?? ofMessage(filter.defaultValue);
}

export function isEverything(choice: Choice): boolean {
  return !choice.from && !choice.until && choice.values.length === 0;
}

// Whether two choices are the same: hours as numbers, values in any order.
export function sameChoice(a: Choice, b: Choice): boolean {
  const same = (x: string, y: string) => x === y || (x !== "" && y !== "" && Number(x) === Number(y));
  return same(a.from, b.from) && same(a.until, b.until) && a.values.length === b.values.length && a.values.every((value) => b.values.includes(value));
}

export function choiceOfMessage(value: FilterValue | undefined): Choice {
  return ofMessage(value);
}

// The address with another choice of one filter.
export function withChoice(search: URLSearchParams, dashboard: Dashboard, filter: Filter, choice: Choice): URLSearchParams {
  const next = new URLSearchParams(search);
  const names = parametersOf(dashboard, filter);
  const usual = ofMessage(filter.defaultValue);
  Object.values(names).forEach((name) => next.delete(name));
  if (sameChoice(choice, usual)) return next;
  if (isEverything(choice)) {
    next.set(isRange(filter) ? names.from : names.values, EVERYTHING);
    return next;
  }
  if (choice.from) next.set(names.from, choice.from);
  if (choice.until) next.set(names.until, choice.until);
  choice.values.forEach((value) => next.append(names.values, value));
  return next;
}

export function switchValue(search: URLSearchParams, control: Switch): string {
  const asked = search.get(control.id);
  if (asked !== null && control.options.some((option) => option.value === asked)) return asked;
  return control.defaultValue || (control.options[0]?.value ?? "");
}

export function withSwitch(search: URLSearchParams, control: Switch, value: string): URLSearchParams {
  const next = new URLSearchParams(search);
  if (value === (control.defaultValue || control.options[0]?.value)) next.delete(control.id);
  else next.set(control.id, value);
  return next;
}

export function withoutChoices(search: URLSearchParams, dashboard: Dashboard): URLSearchParams {
  const next = new URLSearchParams(search);
  for (const filter of dashboard.filters) Object.values(parametersOf(dashboard, filter)).forEach((name) => next.delete(name));
  for (const control of dashboard.switches) next.delete(control.id);
  return next;
}

// What RenderDashboard is asked for. Only what the address says is sent; the server knows the defaults.
export function renderChoices(search: URLSearchParams, dashboard: Dashboard) {
  const filters: Record<string, FilterValue> = {};
  for (const filter of dashboard.filters) {
    const choice = explicitChoice(search, dashboard, filter);
    if (choice) filters[filter.id] = create(FilterValueSchema, choice);
  }
  const switches = Object.fromEntries(dashboard.switches.map((control) => [control.id, switchValue(search, control)]));
  return { filters, switches };
}
