// From and until, in whole hours of the day.
import { NO_CHOICE, type Choice } from "./choices";

type Props = { label: string; choice: Choice; onChoice: (choice: Choice) => void };

const HOURS = Array.from({ length: 25 }, (_, hour) => hour);

export function HourRange({ label, choice, onChoice }: Props) {
  const from = choice.from === "" ? 0 : Number(choice.from);
  const until = choice.until === "" ? 24 : Number(choice.until);
  const choose = (nextFrom: number, nextUntil: number) =>
    onChoice(nextFrom === 0 && nextUntil === 24 ? NO_CHOICE : { ...NO_CHOICE, from: String(nextFrom), until: String(nextUntil) });
  return (
    <>
      <select className="input number" aria-label={`${label}, from`} value={from} onChange={(event) => choose(Number(event.target.value), Math.max(until, Number(event.target.value) + 1))}>
        {HOURS.slice(0, 24).map((hour) => (
          <option key={hour} value={hour}>
            {String(hour).padStart(2, "0")} h
          </option>
        ))}
      </select>
      <span className="muted small">to</span>
      <select className="input number" aria-label={`${label}, until`} value={until} onChange={(event) => choose(Math.min(from, Number(event.target.value) - 1), Number(event.target.value))}>
        {HOURS.slice(1).map((hour) => (
          <option key={hour} value={hour}>
            {String(hour).padStart(2, "0")} h
          </option>
        ))}
      </select>
    </>
  );
}
