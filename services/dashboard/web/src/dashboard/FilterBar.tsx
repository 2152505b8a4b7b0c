// The filters and switches of a dashboard. Every choice changes the page's address, and the address alone decides.
import { useState } from "react";
import { FilterType, type Dashboard, type Filter } from "../gen/tarn/dashboard/v1/dashboard_pb.js";
import type { FilterOptions } from "../gen/tarn/dashboard/v1/dashboard_service_pb.js";
import { Icon } from "../parts/Icon";
import { choiceOf, choiceOfMessage, isEverything, NO_CHOICE, sameChoice, switchValue, withChoice, withoutChoices, withSwitch, type Choice } from "./choices";
import { HourRange } from "./HourRange";
import { TimeRange } from "./TimeRange";
import { ValueChoice } from "./ValueChoice";

type Props = {
  dashboard: Dashboard;
  options: FilterOptions[];
  search: URLSearchParams;
  onSearch: (search: URLSearchParams) => void;
};

// The address follows a choice a moment later. Until then the controls show what was chosen, and the next choice adds to it:
// a box would else jump back, and the first of two quick choices would be lost.
function useChosen(address: URLSearchParams, onSearch: (search: URLSearchParams) => void) {
  const [chosen, setChosen] = useState({ search: address, at: address });
  const search = chosen.at === address ? chosen.search : address;
  const choose = (next: URLSearchParams) => {
    setChosen({ search: next, at: address });
    onSearch(next);
  };
  return { search, choose };
}

export function FilterBar({ dashboard, options, search: address, onSearch }: Props) {
  const { search, choose } = useChosen(address, onSearch);
  if (dashboard.filters.length === 0 && dashboard.switches.length === 0) return null;
  const cleared = withoutChoices(search, dashboard);
  return (
    <form className="filter-bar card" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      {dashboard.filters.map((filter) => (
        <FilterControl
          key={filter.id}
          filter={filter}
          options={options.find((option) => option.filterId === filter.id)}
          choice={choiceOf(search, dashboard, filter)}
          onChoice={(choice) => choose(withChoice(search, dashboard, filter, choice))}
        />
      ))}
      {dashboard.switches.map((control) => {
        const value = switchValue(search, control);
        return (
          <div className="field" key={control.id} role="radiogroup" aria-label={control.label}>
            <span className="label">{control.label}</span>
            <span className="segments">
              {control.options.map((option) => (
                <label key={option.value}>
                  <input type="radio" name={control.id} value={option.value} checked={option.value === value} onChange={() => choose(withSwitch(search, control, option.value))} />
                  {option.label}
                </label>
              ))}
            </span>
          </div>
        );
      })}
      {cleared.toString() !== search.toString() && (
        <button type="button" className="button quiet filter-reset" onClick={() => choose(cleared)}>
          <Icon name="close" /> Reset
        </button>
      )}
    </form>
  );
}

// The days that have data.
function dataRange(from: string, until: string): string {
  const [first, last] = [from.slice(0, 10), until.slice(0, 10)];
  return first === last || !last ? `data of ${first}` : `data from ${first} to ${last}`;
}

type ControlProps = { filter: Filter; options: FilterOptions | undefined; choice: Choice; onChoice: (choice: Choice) => void };

function FilterControl({ filter, options, choice, onChoice }: ControlProps) {
  return (
    <div className="field filter" role="group" aria-label={filter.label} data-filter={filter.id}>
      <span className="label">
        {filter.label}
        {filter.type === FilterType.TIME_RANGE && options?.range?.from && <span className="filter-hint"> {dataRange(options.range.from, options.range.until)}</span>}
      </span>
      <span className="row filter-row">
        {filter.type === FilterType.TIME_RANGE && <TimeRange label={filter.label} choice={choice} range={options?.range} onChoice={onChoice} />}
        {filter.type === FilterType.HOUR_RANGE && <HourRange label={filter.label} choice={choice} onChoice={onChoice} />}
        {filter.type === FilterType.VALUES && <ValueChoice label={filter.label} choice={choice} values={options?.values} onChoice={onChoice} />}
        {filter.presets.map((preset) => {
          const value = choiceOfMessage(preset.value);
          const active = sameChoice(value, choice) && !isEverything(value);
          return (
            <button key={preset.label} type="button" className="button preset" aria-pressed={active} onClick={() => onChoice(active ? NO_CHOICE : value)}>
              {preset.label}
            </button>
          );
        })}
      </span>
    </div>
  );
}
