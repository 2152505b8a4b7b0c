// One table: what it is, its columns, how it is divided, its history.
import { Link, useSearchParams } from "react-router-dom";
import { catalog } from "../api/clients";
import { idIn, idOf, sqlNameOf } from "../api/names";
import { useRemote } from "../api/use_remote";
import { formatBytes, formatCount } from "../format/numbers";
import { TableType, type Table } from "../gen/tarn/catalog/v1/table_pb.js";
import { Icon } from "../parts/Icon";
import { Labels } from "../parts/Labels";
import { FailureNotice, SkeletonLines } from "../parts/notices";
import { PageHead } from "../parts/PageHead";
import { Tabs } from "../parts/Tabs";
import { Time } from "../parts/Time";
import { Columns } from "./Columns";
import { Snapshots } from "./Snapshots";
import { FORMATS, TABLE_KINDS } from "./table_kinds";

export function TableDetails({ name }: { name: string }) {
  const [search] = useSearchParams();
  const remote = useRemote(name, (signal) => catalog.getTable({ name }, { signal }));
  const table = remote.value;
  const database = idIn(name, "databases");
  const crumbs = [
    { to: "/catalog", text: "Catalog" },
    { to: `/catalog/${database}`, text: database },
  ];
  if (!table) {
    return (
      <div>
        <PageHead title={idOf(name)} crumbs={crumbs} />
        {remote.failure ? <FailureNotice failure={remote.failure} retry={remote.reload} /> : <SkeletonLines label="Loading the table" />}
      </div>
    );
  }
  const isView = table.type === TableType.VIEW;
  const tabs = [
    { id: "columns", text: "Columns" },
    ...(isView ? [{ id: "definition", text: "Definition" }] : [{ id: "partitions", text: "Partitions" }, { id: "snapshots", text: "Snapshots" }]),
    { id: "about", text: "About" },
  ];
  const tab = search.get("tab") ?? "columns";
  const sql = `SELECT *\nFROM ${sqlNameOf(name)}\nLIMIT 100`;
  return (
    <div className="stack">
      <PageHead title={idOf(name)} crumbs={crumbs} note={table.comment}>
        <Link className="button primary" to={`/sql?q=${encodeURIComponent(sql)}`}>
          <Icon name="sql" /> Query it
        </Link>
      </PageHead>
      <Facts table={table} />
      <Tabs tabs={tabs} parameter="tab" label="Parts of the table" />
      {tab === "columns" && (
        <Columns fields={table.schema?.fields ?? []} partitions={table.partitionFields} managed={table.type === TableType.MANAGED} />
      )}
      {tab === "partitions" && <Partitions table={table} />}
      {tab === "snapshots" && <Snapshots table={name} version={table.currentSnapshot?.name ?? ""} />}
      {tab === "definition" && (
        <div className="card card-body">
          <pre>{table.view?.sql}</pre>
          {table.view?.defaultDatabase && <p className="muted small">Unqualified names are looked up in {table.view.defaultDatabase}.</p>}
        </div>
      )}
      {tab === "about" && <About table={table} />}
    </div>
  );
}

function Facts({ table }: { table: Table }) {
  const statistics = table.statistics;
  const hasFiles = table.type !== TableType.VIEW;
  return (
    <dl className="facts card card-body number">
      <div>
        <dt>Kind</dt>
        <dd>
          {TABLE_KINDS[table.type]}
          {table.external && ` · ${FORMATS[table.external.format]}`}
        </dd>
      </div>
      {hasFiles && (
        <>
          <div>
            <dt>Rows</dt>
            <dd data-fact="rows">{statistics && statistics.rowCount >= 0n ? formatCount(statistics.rowCount) : "not known"}</dd>
          </div>
          <div>
            <dt>Files</dt>
            <dd>{formatCount(statistics?.fileCount ?? 0)}</dd>
          </div>
          <div>
            <dt>Size</dt>
            <dd>{formatBytes(statistics?.byteCount ?? 0)}</dd>
          </div>
        </>
      )}
      <div>
        <dt>Changed</dt>
        <dd>
          <Time at={table.currentSnapshot?.commitTime ?? table.updateTime} />
        </dd>
      </div>
    </dl>
  );
}

function Partitions({ table }: { table: Table }) {
  return (
    <div className="card table-scroll">
      {table.partitionFields.length === 0 ? (
        <p className="card-body muted">This table is not divided into partitions.</p>
      ) : (
        <table className="data">
          <thead>
            <tr>
              <th scope="col">Partition</th>
              <th scope="col">From column</th>
              <th scope="col">By</th>
            </tr>
          </thead>
          <tbody>
            {table.partitionFields.map((field) => {
              const transform = field.transform || "identity";
              return (
                <tr key={`${field.source} ${transform}`}>
                  <td>{field.name || (transform === "identity" ? field.source : `${field.source}_${transform}`)}</td>
                  <td>{field.source}</td>
                  <td>
                    <code>{transform}</code>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      {table.sortFields.length > 0 && (
        <p className="card-body small muted">Within a file sorted by {table.sortFields.map((field) => `${field.source}${field.descending ? " (largest first)" : ""}`).join(", ")}.</p>
      )}
    </div>
  );
}

function About({ table }: { table: Table }) {
  return (
    <dl className="facts card card-body">
      <div>
        <dt>Owner</dt>
        <dd>{table.owner || "–"}</dd>
      </div>
      <div>
        <dt>Made</dt>
        <dd>
          <Time at={table.createTime} absolute />
        </dd>
      </div>
      <div>
        <dt>UUID</dt>
        <dd className="mono">{table.uid || "–"}</dd>
      </div>
      {table.location && (
        <div>
          <dt>Folder in the lake</dt>
          <dd className="mono">{table.location}</dd>
        </div>
      )}
      {table.external && (
        <div>
          <dt>Folder in the landing area</dt>
          <dd className="mono">{table.external.path}</dd>
        </div>
      )}
      <div>
        <dt>Properties</dt>
        <dd>
          <Labels labels={table.properties} />
        </dd>
      </div>
    </dl>
  );
}
