// The catalog: a tree of databases and tables, beside it a list of tables or one table.
import { useParams } from "react-router-dom";
import { allPages } from "../api/all_pages";
import { catalog } from "../api/clients";
import { idIn, idOf } from "../api/names";
import { useRemote } from "../api/use_remote";
import { CatalogTree } from "../catalog/CatalogTree";
import { TableDetails } from "../catalog/TableDetails";
import { TableList } from "../catalog/TableList";
import { FailureNotice, SkeletonLines } from "../parts/notices";
import { PageHead } from "../parts/PageHead";

export default function CatalogPage() {
  const { database = "", table = "" } = useParams();
  const content = useRemote("catalog", async (signal) => {
    const [databases, tables] = await Promise.all([
      allPages(
        (pageToken) => catalog.listDatabases({ pageSize: 500, pageToken }, { signal }),
        (answer) => answer.databases,
      ),
      allPages(
        (pageToken) => catalog.listTables({ parent: "databases/-", pageSize: 500, pageToken }, { signal }),
        (answer) => answer.tables,
      ),
    ]);
    return { databases, tables };
  });
  const { databases = [], tables = [] } = content.value ?? {};
  const known = databases.find((one) => idOf(one.name) === database);
  return (
    <div className={table ? "catalog-page of-table" : "catalog-page"}>
      {content.value ? (
        <CatalogTree databases={databases} tables={tables} database={database} table={table} />
      ) : (
        <aside className="card tree">{content.failure ? null : <SkeletonLines label="Loading the catalog" />}</aside>
      )}
      <div>
        {content.failure && <FailureNotice failure={content.failure} retry={content.reload} />}
        {table && <TableDetails key={`${database}/${table}`} name={`databases/${database}/tables/${table}`} />}
        {!table && (
          <>
            <PageHead title={database || "Catalog"} note={known?.comment} crumbs={database ? [{ to: "/catalog", text: "Catalog" }] : []} />
            {content.value && database && !known && <div className="notice">There is no database {database}.</div>}
            {content.value && (!database || known) && <TableList tables={database ? tables.filter((one) => idIn(one.name, "databases") === database) : tables} />}
          </>
        )}
      </div>
    </div>
  );
}
