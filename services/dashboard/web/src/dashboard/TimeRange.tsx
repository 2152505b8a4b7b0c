// From and until, as days or as times of day where the data are finer. The end is not part of the range.
import { useEffect, useState } from "react";
import type { FilterValue } from "../gen/tarn/dashboard/v1/dashboard_pb.js";
import { NO_CHOICE, type Choice } from "./choices";
import { dayAfter, formOf, fromField, toField, type TimeForm } from "./time_fields";

type Props = { label: string; choice: Choice; range: FilterValue | undefined; onChoice: (choice: Choice) => void };

export function TimeRange({ label, choice, range, onChoice }: Props) {
  // The range of the data is nearly always finer than a day, but days are what people choose, unless somebody chose finer.
  const chosen = formOf([choice.from, choice.until]);
  const form = { ...chosen, zone: chosen.zone || formOf([range?.from ?? "", range?.until ?? ""]).zone };
  const limits = { min: toField(range?.from ?? "", form), max: form.withClock ? "" : dayAfter(range?.until ?? "") };
  return (
    <>
      <TimeField label={`${label}, from`} text={choice.from} form={form} limits={limits} onText={(from) => onChoice({ ...NO_CHOICE, from, until: choice.until })} />
      <span className="muted small">before</span>
      <TimeField label={`${label}, before`} text={choice.until} form={form} limits={limits} onText={(until) => onChoice({ ...NO_CHOICE, from: choice.from, until })} />
    </>
  );
}

type FieldProps = { label: string; text: string; form: TimeForm; limits: { min: string; max: string }; onText: (text: string) => void };

// Keeps what is being typed until it is a whole time.
function TimeField({ label, text, form, limits, onText }: FieldProps) {
  const given = toField(text, form);
  const [typed, setTyped] = useState(given);
  useEffect(() => setTyped(given), [given]);
  return (
    <input
      className="input"
      type={form.withClock ? "datetime-local" : "date"}
      aria-label={label}
      value={typed}
      min={limits.min || undefined}
      max={limits.max || undefined}
      onChange={(event) => {
        setTyped(event.target.value);
        const next = fromField(event.target.value, form);
        if (next) onText(next);
      }}
      onBlur={(event) => event.target.value === "" && text !== "" && event.target.validity.valid && onText("")}
    />
  );
}
