// SQL: a statement, its result, and the history beside them. `?q=` opens a statement without running it; `?query=` shows
// one that has run, with its kept result.
import { useCallback, useEffect, useRef, useState } from "react";
import { useSearchParams } from "react-router-dom";
import { allPages } from "../api/all_pages";
import { catalog, queries } from "../api/clients";
import { failureOf, type Failure } from "../api/failure";
import { idOf } from "../api/names";
import { newRequestId } from "../api/request_id";
import { useRemote } from "../api/use_remote";
import { FailureNotice } from "../parts/notices";
import { PageHead } from "../parts/PageHead";
import { hasEnded } from "../parts/StateBadge";
import { Editor } from "../sql/Editor";
import { History } from "../sql/History";
import { QueryResult } from "../sql/QueryResult";
import { useQuery } from "../sql/use_query";

export default function SqlPage() {
  const [search, setSearch] = useSearchParams();
  const id = search.get("query") ?? "";
  const asked = search.get("q");
  const [text, setText] = useState(asked ?? "");
  const [version, setVersion] = useState(0);
  const [starting, setStarting] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const followed = useQuery(id, useCallback(() => setVersion((count) => count + 1), []));
  const databases = useRemote("databases", (signal) =>
    allPages(
      (pageToken) => catalog.listDatabases({ pageSize: 500, pageToken }, { signal }),
      (answer) => answer.databases.map((database) => idOf(database.name)),
    ),
  );

  // The address decides what stands in the editor, until somebody writes.
  const started = useRef("");
  const query = followed.query;
  useEffect(() => {
    if (asked !== null) setText(asked);
  }, [asked]);
  useEffect(() => {
    if (query && query.name !== started.current) setText(query.sql);
  }, [query?.name]);

  const database = search.get("db") ?? query?.defaultDatabase ?? "";
  const change = (changes: Record<string, string>, replace = false) =>
    setSearch(
      (before) => {
        const next = new URLSearchParams(before);
        for (const [key, value] of Object.entries(changes)) {
          if (value) next.set(key, value);
          else next.delete(key);
        }
        return next;
      },
      { replace },
    );

  const run = async () => {
    setStarting(true);
    setFailure(undefined);
    try {
      const begun = await queries.startQuery({ statement: { sql: text, defaultDatabase: database, source: "page" }, requestId: newRequestId() });
      started.current = begun.name;
      change({ q: "", query: idOf(begun.name), db: database });
      setVersion((count) => count + 1);
    } catch (error) {
      setFailure(failureOf(error));
    }
    setStarting(false);
  };
  const cancel = () => {
    queries.cancelQuery({ name: `queries/${id}` }).catch((error: unknown) => setFailure(failureOf(error)));
  };

  return (
    <>
      <PageHead title="SQL" />
      <div className="sql-page">
        <div className="stack">
          <Editor
            text={text}
            onText={setText}
            databases={databases.value ?? []}
            database={database}
            onDatabase={(name) => change({ db: name }, true)}
            running={query !== undefined && !hasEnded(query.state)}
            starting={starting}
            onRun={() => void run()}
            onCancel={cancel}
          />
          {failure && <FailureNotice failure={failure} />}
          {id && <QueryResult followed={followed} />}
        </div>
        <History current={id} version={version} />
      </div>
    </>
  );
}
