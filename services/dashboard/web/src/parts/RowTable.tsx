// Rows of values in typed columns: sortable, with a head that stays. Beyond 200 rows only those in sight are in the page,
// which needs rows of one height: cells do not wrap.
import { useMemo, useRef, useState } from "react";
import { formatCell, isNumericType, sortRows } from "../format/cells";

export type RowColumn = {
  name: string;
  label: string;
  type: string;
  format?: (value: unknown) => string;
};

export type Sorting = { column: number; descending: boolean } | undefined;

const ROW_HEIGHT = 31;
const WINDOWED_FROM = 200;
const LONGEST_CELL = 300;

type Props = {
  caption: string;
  columns: RowColumn[];
  rows: unknown[][];
  height?: number | string;
  sorting?: Sorting;
  onSort?: (sorting: Sorting) => void;
};

export function RowTable({ caption, columns, rows, height, sorting: given, onSort }: Props) {
  const [own, setOwn] = useState<Sorting>();
  const [first, setFirst] = useState(0);
  const [inSight, setInSight] = useState(40);
  const box = useRef<HTMLDivElement>(null);
  const sorting = onSort ? given : own;
  const sorted = useMemo(
    () => (sorting ? sortRows(rows, sorting.column, columns[sorting.column]?.type ?? "", sorting.descending) : rows),
    [rows, columns, sorting?.column, sorting?.descending],
  );

  const windowed = sorted.length > WINDOWED_FROM;
  const from = windowed ? Math.max(0, first - 10) : 0;
  const until = windowed ? Math.min(sorted.length, first + inSight + 10) : sorted.length;
  const onScroll = () => {
    const element = box.current;
    if (!windowed || !element) return;
    setFirst(Math.floor(element.scrollTop / ROW_HEIGHT));
    setInSight(Math.ceil(element.clientHeight / ROW_HEIGHT));
  };
  const sortBy = (column: number) => {
    const next: Sorting =
      sorting?.column !== column ? { column, descending: false } : sorting.descending ? undefined : { column, descending: true };
    (onSort ?? setOwn)(next);
  };

  return (
    <div className="table-scroll row-table" style={{ maxHeight: height }} ref={box} onScroll={onScroll} tabIndex={0} role="region" aria-label={caption}>
      <table className="data compact" aria-rowcount={sorted.length + 1}>
        <thead>
          <tr>
            {columns.map((column, index) => {
              const active = sorting?.column === index;
              return (
                <th
                  key={index}
                  scope="col"
                  className={isNumericType(column.type) ? "right" : undefined}
                  aria-sort={active ? (sorting.descending ? "descending" : "ascending") : undefined}
                >
                  <button type="button" className="sort" title={`${column.name}: ${column.type}. Sort`} onClick={() => sortBy(index)}>
                    {column.label}
                    <span className="arrow" aria-hidden="true">
                      {active ? (sorting.descending ? "↓" : "↑") : ""}
                    </span>
                  </button>
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {from > 0 && <tr aria-hidden="true" style={{ height: from * ROW_HEIGHT }} />}
          {sorted.slice(from, until).map((row, index) => (
            <tr key={from + index} aria-rowindex={from + index + 2} style={windowed ? { height: ROW_HEIGHT } : undefined}>
              {columns.map((column, at) => (
                <Cell key={at} column={column} value={row[at]} />
              ))}
            </tr>
          ))}
          {until < sorted.length && <tr aria-hidden="true" style={{ height: (sorted.length - until) * ROW_HEIGHT }} />}
        </tbody>
      </table>
    </div>
  );
}

function Cell({ column, value }: { column: RowColumn; value: unknown }) {
  const isNull = value === null || value === undefined;
  const text = !isNull && column.format ? column.format(value) : formatCell(value, column.type);
  const classes = [isNumericType(column.type) ? "right" : "", isNull ? "null" : ""].join(" ").trim();
  const long = text.length > LONGEST_CELL;
  return (
    <td className={classes || undefined} title={long ? text.slice(0, 4_000) : undefined}>
      {long ? `${text.slice(0, LONGEST_CELL)}…` : text}
    </td>
  );
}
