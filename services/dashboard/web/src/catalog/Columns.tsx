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

export function Columns({ fields, partitions }: { fields: Field[]; partitions: PartitionField[] }) {
  const partitioned = new Set(partitions.map((partition) => partition.source));
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
          {rowsOf(fields).map(({ field, depth, path }) => (
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
                </span>
              </td>
              <td>
                <code>{typeText(field)}</code>
              </td>
              <td className="muted">{field.required ? "no" : "yes"}</td>
              <td className="muted">{field.doc || "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
