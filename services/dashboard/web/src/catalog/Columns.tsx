// The columns of a table; the parts of a nested one stand under it.
import type { Field, PartitionField } from "../gen/tarn/catalog/v1/schema_pb.js";

type Row = { field: Field; depth: number; path: string };

function rowsOf(fields: Field[], depth = 0, parent = ""): Row[] {
  return fields.flatMap((field) => {
    const path = parent ? `${parent}.${field.name}` : field.name;
    return [{ field, depth, path }, ...rowsOf(field.fields, depth + 1, path)];
  });
}

// The type written out: list<double>, map<string, long>, struct.
export function typeText(field: Field): string {
  const inner = (index: number) => {
    const part = field.fields[index];
    return part ? typeText(part) : "?";
  };
  if (field.type === "list") return `list<${inner(0)}>`;
  if (field.type === "map") return `map<${inner(0)}, ${inner(1)}>`;
  return field.type;
}

// The columns that deliveries of streams fill; `SELECT *` leaves them out.
const SYSTEM_COLUMNS: Record<string, string> = {
  _ingested_at: "When the record was acknowledged",
  _committed_at: "When the snapshot that brought the row was committed",
};

function isSystemColumn({ field, depth }: Row): boolean {
  return depth === 0 && field.type === "timestamptz" && Object.hasOwn(SYSTEM_COLUMNS, field.name);
}

type ColumnsProps = { fields: Field[]; partitions: PartitionField[]; managed: boolean };

export function Columns({ fields, partitions, managed }: ColumnsProps) {
  const partitioned = new Set(partitions.map((partition) => partition.source));
  const rows = rowsOf(fields).map((row) => ({ ...row, system: managed && isSystemColumn(row) }));
  return (
    <div className="card table-scroll">
      <table className="data">
        <thead>
          <tr>
            <th scope="col">Column</th>
            <th scope="col">Type</th>
            <th scope="col">NULL</th>
            <th scope="col">Meaning</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ field, depth, path, system }) => (
            <tr key={path}>
              <td style={{ paddingLeft: 12 + depth * 20 }}>
                <span className="row">
                  <span style={{ whiteSpace: "nowrap" }}>
                    {depth > 0 && (
                      <span className="muted" aria-hidden="true">
                        └{" "}
                      </span>
                    )}
                    {field.name}
                  </span>
                  {depth === 0 && partitioned.has(field.name) && <span className="badge plain">partition</span>}
                  {system && (
                    <span className="badge plain" title="SELECT * leaves it out; name it to read it">
                      system
                    </span>
                  )}
                </span>
              </td>
              <td>
                <code>{typeText(field)}</code>
              </td>
              <td className="muted">{field.required ? "no" : "yes"}</td>
              <td className="muted">{field.doc || (system && SYSTEM_COLUMNS[field.name]) || "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
