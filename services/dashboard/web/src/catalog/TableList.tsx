// The tables of one database, or of all.
import { Link } from "react-router-dom";
import { idIn, idOf } from "../api/names";
import { formatBytes, formatCount } from "../format/numbers";
import { TableType, type Table } from "../gen/tarn/catalog/v1/table_pb.js";
import { Empty } from "../parts/notices";
import { Time } from "../parts/Time";
import { TABLE_KINDS } from "./table_kinds";

export function TableList({ tables }: { tables: Table[] }) {
  if (tables.length === 0) {
    return (
      <div className="card">
        <Empty icon="catalog" title="There is no table yet">
          Upload files and crawl them, or run <code>CREATE TABLE … AS SELECT</code>.
        </Empty>
      </div>
    );
  }
  return (
    <div className="card table-scroll">
      <table className="data">
        <thead>
          <tr>
            <th scope="col">Table</th>
            <th scope="col">Kind</th>
            <th scope="col" className="right">
              Rows
            </th>
            <th scope="col" className="right">
              Size
            </th>
            <th scope="col">Changed</th>
            <th scope="col">Comment</th>
          </tr>
        </thead>
        <tbody>
          {tables.map((table) => {
            const database = idIn(table.name, "databases");
            const statistics = table.type === TableType.VIEW ? undefined : table.statistics;
            return (
              <tr key={table.name}>
                <td>
                  <Link to={`/catalog/${database}/${idOf(table.name)}`}>
                    <span className="muted">{database}.</span>
                    {idOf(table.name)}
                  </Link>
                </td>
                <td>{TABLE_KINDS[table.type]}</td>
                <td className="right number">{statistics && statistics.rowCount >= 0n ? formatCount(statistics.rowCount) : "–"}</td>
                <td className="right number">{statistics ? formatBytes(statistics.byteCount) : "–"}</td>
                <td style={{ whiteSpace: "nowrap" }}>
                  <Time at={table.updateTime} />
                </td>
                <td className="muted">{table.comment}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
