// Some of the values: a button that says what is chosen, and a list of boxes under it.
import { useEffect, useRef, useState } from "react";
import { Icon } from "../parts/Icon";
import { NO_CHOICE, type Choice } from "./choices";

type Props = { label: string; choice: Choice; values: string[] | undefined; onChoice: (choice: Choice) => void };

const MOST_LISTED = 200;

export function ValueChoice({ label, choice, values, onChoice }: Props) {
  const [open, setOpen] = useState(false);
  const [wanted, setWanted] = useState("");
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    if (!open) return undefined;
    const outside = (event: Event) => !box.current?.contains(event.target as Node) && setOpen(false);
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, [open]);

  const all = [...new Set([...(values ?? []), ...choice.values])];
  const found = all.filter((value) => value.toLowerCase().includes(wanted.toLowerCase()));
  const chosen = new Set(choice.values);
  const text = chosen.size === 0 ? "All" : chosen.size === 1 ? [...chosen][0] : `${chosen.size} of ${all.length}`;
  const toggle = (value: string) => {
    const next = chosen.has(value) ? choice.values.filter((other) => other !== value) : [...choice.values, value];
    onChoice({ ...NO_CHOICE, values: next });
  };

  return (
    <div
      className="popover-anchor"
      ref={box}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !open) return;
        event.stopPropagation();
        setOpen(false);
        button.current?.focus();
      }}
    >
      <button ref={button} type="button" className="button value-choice" aria-expanded={open} aria-haspopup="dialog" aria-label={`${label}: ${text}`} onClick={() => setOpen(!open)}>
        <span>{text}</span> <Icon name="down" />
      </button>
      {open && (
        <div className="popover" role="dialog" aria-label={label}>
          {all.length > 8 && (
            <input className="input" style={{ width: "100%" }} type="search" placeholder="Find" aria-label={`Find in ${label}`} autoFocus value={wanted} onChange={(event) => setWanted(event.target.value)} />
          )}
          <div className="choices" tabIndex={-1}>
            {values === undefined && <span className="muted small">Loading the values…</span>}
            {values !== undefined && found.length === 0 && <span className="muted small">No such value</span>}
            {found.slice(0, MOST_LISTED).map((value) => (
              <label key={value}>
                <input type="checkbox" checked={chosen.has(value)} onChange={() => toggle(value)} />
                <span>{value === "" ? <em>empty</em> : value}</span>
              </label>
            ))}
          </div>
          {found.length > MOST_LISTED && <p className="muted small">{found.length - MOST_LISTED} more: search to find them.</p>}
          <div className="row spread">
            <button type="button" className="button quiet tiny" disabled={chosen.size === 0} onClick={() => onChoice(NO_CHOICE)}>
              All
            </button>
            <button
              type="button"
              className="button tiny"
              onClick={() => {
                setOpen(false);
                button.current?.focus();
              }}
            >
              Done
            </button>
          </div>
        </div>
      )}
    </div>
  );
}
