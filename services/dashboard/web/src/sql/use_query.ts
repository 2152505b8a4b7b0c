// Follows one query to its end and fetches the first rows of its kept result.
import { useEffect, useState } from "react";
import { failureOf, isAbort, type Failure } from "../api/failure";
import { queries } from "../api/clients";
import { ExecutionState } from "../gen/tarn/common/v1/execution_pb.js";
import type { Query } from "../gen/tarn/query/v1/query_pb.js";
import { ResultFormat } from "../gen/tarn/query/v1/query_service_pb.js";
import { hasEnded } from "../parts/StateBadge";
import { parseRows } from "./rows";

// The most rows that the page holds; the whole result can be saved as a file.
export const MOST_ROWS = 10_000;

export type Followed = {
  query: Query | undefined;
  rows: unknown[][];
  fetching: boolean;
  failure: Failure | undefined;
};

const NOTHING: Followed = { query: undefined, rows: [], fetching: false, failure: undefined };

export function useQuery(id: string, onEnd: () => void): Followed {
  const [followed, setFollowed] = useState<Followed & { id: string }>({ ...NOTHING, id });

  useEffect(() => {
    setFollowed({ ...NOTHING, id });
    if (!id) return undefined;
    const controller = new AbortController();
    const { signal } = controller;
    const follow = async () => {
      const name = `queries/${id}`;
      let query = await queries.getQuery({ name }, { signal });
      setFollowed((before) => ({ ...before, query }));
      const running = !hasEnded(query.state);
      while (!hasEnded(query.state)) {
        query = await queries.getQuery({ name, wait: { seconds: 10n, nanos: 0 } }, { signal });
        const seen = query;
        setFollowed((before) => ({ ...before, query: seen }));
      }
      if (running) onEnd();
      if (query.state !== ExecutionState.SUCCEEDED || query.columns.length === 0) return;
      setFollowed((before) => ({ ...before, fetching: true }));
      const decoder = new TextDecoder();
      const chunks = queries.fetchResults({ name, format: ResultFormat.JSON_ROWS, maxRows: BigInt(MOST_ROWS) }, { signal });
      for await (const chunk of chunks) {
        if (chunk.content.case !== "rows") continue;
        const more = parseRows(decoder.decode(chunk.content.value.data));
        setFollowed((before) => ({ ...before, rows: [...before.rows, ...more] }));
      }
      setFollowed((before) => ({ ...before, fetching: false }));
    };
    follow().catch((error: unknown) => {
      if (!isAbort(error, signal)) setFollowed((before) => ({ ...before, fetching: false, failure: failureOf(error) }));
    });
    return () => controller.abort();
    // A new onEnd is no reason to follow anew.
  }, [id]);

  return followed.id === id ? followed : NOTHING;
}
