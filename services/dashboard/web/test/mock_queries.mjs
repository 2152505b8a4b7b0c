// The mock's query module: a few statements that it knows, with states that go on, results in chunks and a history.
import { Code, ConnectError } from "@connectrpc/connect";

const stamp = (ms) => new Date(ms).toISOString();

// What a statement does in the mock: its columns and rows, an error, or nothing but time.
function outcomeOf(sql) {
  if (/slow/i.test(sql)) return { lasts: 60_000 };
  if (/selec\b/i.test(sql)) {
    return { error: { code: 3, reason: "SQL_ERROR", message: 'syntax error at or near "selec"\nLINE 1: selec 1\n        ^' } };
  }
  if (/insert/i.test(sql)) return { type: "STATEMENT_TYPE_INSERT", written: "smart_hub.usage_enriched@5577006791947779410", count: 42 };
  const count = /many/i.test(sql) ? 12_000 : 25;
  return {
    type: "STATEMENT_TYPE_SELECT",
    columns: [
      { name: "n", type: "long" },
      { name: "device", type: "string" },
      { name: "kwh", type: "double" },
      { name: "at", type: "timestamp" },
      { name: "data", type: "struct<co: double, motion: boolean>" },
    ],
    row: (n) => [n, n % 7 === 3 ? null : `device-${String(n).padStart(3, "0")}`, n * 1234.5678, stamp(1_576_886_400_000 + n * 300_000).replace("Z", ""), { co: 0.0049, motion: n % 2 === 0 }],
    count,
  };
}

export class MockQueries {
  constructor() {
    this.queries = [];
    this.count = 0;
    const minute = 60_000;
    this.add("SELECT device, sum(cost) AS cost\nFROM smart_hub.usage_enriched\nGROUP BY device\nORDER BY cost DESC", { id: "q-select", source: "page", at: Date.now() - 12 * minute });
    this.add("selec 1", { id: "q-error", source: "cli", at: Date.now() - 30 * minute });
    this.add("SELECT sum(cost) / 100 FROM smart_hub.usage_enriched", { id: "q-visual", source: "dashboards/residential-electrical-usage/total_cost", at: Date.now() - 40 * minute });
  }

  add(sql, { id = `q-${(this.count += 1)}`, source = "", at = Date.now(), database = "" } = {}) {
    const outcome = outcomeOf(sql);
    const query = { id, sql, source, database, outcome, createdAt: at, endsAt: at + (outcome.lasts ?? 350), cancelledAt: 0 };
    this.queries.unshift(query);
    return query;
  }

  find(name) {
    const query = this.queries.find((one) => `queries/${one.id}` === name);
    if (!query) throw new ConnectError(`There is no query ${name}.`, Code.NotFound);
    return query;
  }

  cancel(query) {
    if (Date.now() < query.endsAt) query.cancelledAt = query.endsAt = Date.now();
  }

  // As proto JSON.
  asJson(query) {
    const { outcome } = query;
    const ended = Date.now() >= query.endsAt;
    const state = !ended ? "RUNNING" : query.cancelledAt ? "CANCELLED" : outcome.error ? "FAILED" : "SUCCEEDED";
    const good = state === "SUCCEEDED";
    return {
      name: `queries/${query.id}`,
      sql: query.sql,
      state: `EXECUTION_STATE_${state}`,
      times: { createTime: stamp(query.createdAt), startTime: stamp(query.createdAt), ...(ended ? { endTime: stamp(query.endsAt) } : {}) },
      ...(ended && outcome.error ? { error: outcome.error } : {}),
      statementType: outcome.type ?? "STATEMENT_TYPE_UNSPECIFIED",
      ...(ended ? { statistics: { rowCount: String(good ? outcome.count : 0), bytesRead: "412345", filesRead: "3", filesSkipped: "12" } } : {}),
      ...(good && outcome.columns ? { columns: outcome.columns } : {}),
      ...(good && outcome.written ? { writtenSnapshot: outcome.written } : {}),
      user: "admin",
      source: query.source,
      defaultDatabase: query.database,
    };
  }

  // Waits until the query has ended, at most so long.
  async wait(query, ms) {
    const until = Date.now() + ms;
    while (Date.now() < until && Date.now() < query.endsAt) await new Promise((resolve) => setTimeout(resolve, 25));
  }

  // The kept result in chunks of a thousand rows, as JSON_ROWS or CSV.
  *chunks(query, csv, most) {
    const { outcome } = query;
    yield { schema: { columns: outcome.columns } };
    const total = most > 0 ? Math.min(most, outcome.count) : outcome.count;
    for (let first = 0; first < total; first += 1000) {
      const rows = Array.from({ length: Math.min(1000, total - first) }, (_, index) => outcome.row(first + index));
      const text = csv ? rows.map((row) => row.join(",")).join("\r\n") : rows.map((row) => JSON.stringify(row)).join("\n");
      yield { rows: { data: Buffer.from(`${text}\n`).toString("base64"), rowCount: String(rows.length) } };
    }
  }
}
