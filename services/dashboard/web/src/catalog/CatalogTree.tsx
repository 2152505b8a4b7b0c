// All databases and their tables, with a field that finds.
import { useState } from "react";
import { Link } from "react-router-dom";
import { idIn, idOf } from "../api/names";
import type { Database } from "../gen/tarn/catalog/v1/database_pb.js";
import { type Table } from "../gen/tarn/catalog/v1/table_pb.js";
import { Icon } from "../parts/Icon";
import { TABLE_KINDS } from "./table_kinds";

type Props = { databases: Database[]; tables: Table[]; database: string; table: string };

export function CatalogTree({ databases, tables, database, table }: Props) {
  const [wanted, setWanted] = useState("");
  const [shut, setShut] = useState<ReadonlySet<string>>(new Set());
  const fits = (name: string) => name.toLowerCase().includes(wanted.toLowerCase());
  const toggle = (id: string) => {
    const next = new Set(shut);
    if (!next.delete(id)) next.add(id);
    setShut(next);
  };
  return (
    <aside className="card tree" aria-label="Databases and tables">
      <div className="tree-find">
        <input className="input" type="search" placeholder="Find a table" aria-label="Find a table" value={wanted} onChange={(event) => setWanted(event.target.value)} />
      </div>
      <ul>
        {databases.map((one) => {
          const id = idOf(one.name);
          const inside = tables.filter((other) => idIn(other.name, "databases") === id);
          const found = fits(id) ? inside : inside.filter((other) => fits(idOf(other.name)));
          if (wanted && found.length === 0 && !fits(id)) return null;
          const open = wanted !== "" || !shut.has(id);
          return (
            <li key={id}>
              <div className="tree-row">
                <button type="button" className="button quiet tiny icon-only" aria-expanded={open} aria-label={`Tables of ${id}`} onClick={() => toggle(id)}>
                  <Icon name={open ? "down" : "right"} />
                </button>
                <Link to={`/catalog/${id}`} aria-current={id === database && !table ? "page" : undefined}>
                  <Icon name="catalog" /> <span>{id}</span> <span className="muted small number">{inside.length}</span>
                </Link>
              </div>
              {open && (
                <ul className="tree-tables">
                  {found.map((other) => {
                    const name = idOf(other.name);
                    return (
                      <li key={name}>
                        <Link to={`/catalog/${id}/${name}`} aria-current={id === database && name === table ? "page" : undefined}>
                          <Icon name="table" /> <span>{name}</span> <span className="muted small">{TABLE_KINDS[other.type]}</span>
                        </Link>
                      </li>
                    );
                  })}
                </ul>
              )}
            </li>
          );
        })}
      </ul>
    </aside>
  );
}
