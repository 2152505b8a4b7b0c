// Where a statement is written: Ctrl+Enter runs it.
import type { KeyboardEvent } from "react";
import { Icon } from "../parts/Icon";

type Props = {
  text: string;
  onText: (text: string) => void;
  databases: string[];
  database: string;
  onDatabase: (database: string) => void;
  running: boolean;
  starting: boolean;
  onRun: () => void;
  onCancel: () => void;
};

export function Editor({ text, onText, databases, database, onDatabase, running, starting, onRun, onCancel }: Props) {
  const busy = running || starting;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (!busy && text.trim()) onRun();
  };
  return (
    <div className="card editor">
      <textarea
        className="input"
        aria-label="SQL statement"
        aria-describedby="editor-help"
        rows={7}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        placeholder="SELECT …"
        value={text}
        onChange={(event) => onText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <div className="row spread editor-foot">
        <span className="row">
          <button type="button" className="button primary" onClick={onRun} disabled={busy || !text.trim()}>
            <Icon name="play" /> Run
          </button>
          <button type="button" className="button" onClick={onCancel} disabled={!running}>
            <Icon name="stop" /> Cancel
          </button>
          <span id="editor-help" className="small muted">
            Ctrl+Enter runs
          </span>
        </span>
        <label className="row small muted">
          Database
          <select className="input" value={database} onChange={(event) => onDatabase(event.target.value)}>
            <option value="">none</option>
            {[...new Set([...databases, ...(database ? [database] : [])])].map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      </div>
    </div>
  );
}
