// A server for the page's development and tests: the built page and, in the Connect protocol, the calls that the page makes,
// answered by fixtures. Keys "good-key" and "revoked-key". Run by itself: `npm run mock` (port 8090, or the first argument).
import { fromJson, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError, createContextKey, createContextValues } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ErrorInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";
import { AlertingService } from "../src/gen/tarn/alerting/v1/alerting_service_pb.js";
import { CatalogService } from "../src/gen/tarn/catalog/v1/catalog_service_pb.js";
import { AuthService } from "../src/gen/tarn/dashboard/v1/auth_service_pb.js";
import { FilterValueSchema } from "../src/gen/tarn/dashboard/v1/dashboard_pb.js";
import { DashboardService } from "../src/gen/tarn/dashboard/v1/dashboard_service_pb.js";
import { QueryService, ResultFormat } from "../src/gen/tarn/query/v1/query_service_pb.js";
import { TransformService } from "../src/gen/tarn/transform/v1/transform_service_pb.js";
import * as fixtures from "./fixtures.mjs";
import { MockQueries } from "./mock_queries.mjs";

const DIST = join(dirname(fileURLToPath(import.meta.url)), "../dist");
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const COOKIE = "tarn_session";
const CALLER = { workspace: "default", user: "admin", roles: ["admin"] };
const session = createContextKey("");

function failure(code, reason, message) {
  return new ConnectError(message, code, undefined, [{ desc: ErrorInfoSchema, value: { reason, domain: "tarn" } }]);
}

function needed(found, reason, message) {
  if (!found) throw failure(Code.NotFound, reason, message);
  return found;
}

// Handlers answer in proto JSON; this puts them into messages, so that a wrong field fails the call.
function answering(service, handlers, open = new Set()) {
  const wrap = (method, handler) => {
    const check = (context) => {
      if (!open.has(method.localName) && !/^Bearer token-\d+$/.test(context.requestHeader.get("authorization") ?? "")) {
        throw failure(Code.Unauthenticated, "CREDENTIAL_MISSING", "This call needs a bearer token.");
      }
    };
    if (method.methodKind === "server_streaming") {
      return async function* stream(request, context) {
        check(context);
        for await (const answer of handler(request, context)) yield fromJson(method.output, answer);
      };
    }
    return async (request, context) => {
      check(context);
      const answer = await handler(request, context);
      try {
        return fromJson(method.output, answer);
      } catch (error) {
        console.error(`mock: the fixture of ${method.name} does not fit the protos: ${error.message}`);
        throw error;
      }
    };
  };
  return Object.fromEntries(service.methods.filter((method) => handlers[method.localName]).map((method) => [method.localName, wrap(method, handlers[method.localName])]));
}

function routes(state) {
  const queries = new MockQueries();
  const alerts = structuredClone(fixtures.ALERTS);
  const token = () => ({ token: `token-${(state.tokens += 1)}`, expireTime: new Date(Date.now() + state.tokenLifeMs).toISOString(), caller: CALLER });

  const auth = answering(
    AuthService,
    {
      signIn({ key }, context) {
        if (key === "revoked-key") throw failure(Code.Unauthenticated, "KEY_REVOKED", "The key has been revoked.");
        if (key !== "good-key") throw failure(Code.Unauthenticated, "KEY_INVALID", "This is not a key.");
        context.responseHeader.set("Set-Cookie", `${COOKIE}=s1; HttpOnly; SameSite=Strict; Path=/`);
        return token();
      },
      refreshSession(_, context) {
        if (context.values.get(session) !== "s1") throw failure(Code.Unauthenticated, "SESSION_INVALID", "There is no session.");
        return token();
      },
      signOut(_, context) {
        context.responseHeader.set("Set-Cookie", `${COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0`);
        return {};
      },
    },
    new Set(["signIn", "refreshSession", "signOut"]),
  );

  const dashboards = answering(DashboardService, {
    listDashboards: () => ({ dashboards: [fixtures.OTHER_DASHBOARD, fixtures.DASHBOARD] }),
    getDashboard: ({ name }) =>
      needed([fixtures.DASHBOARD, fixtures.OTHER_DASHBOARD].find((one) => one.name === name), "DASHBOARD_NOT_FOUND", `There is no dashboard ${name}.`),
    async renderDashboard({ name, filters, switches }) {
      state.renders += 1;
      await new Promise((resolve) => setTimeout(resolve, state.renderMs));
      return fixtures.render(name, Object.fromEntries(Object.entries(filters).map(([id, value]) => [id, toJson(FilterValueSchema, value)])), switches);
    },
  });

  const catalog = answering(CatalogService, {
    listDatabases: () => ({ databases: fixtures.DATABASES }),
    listTables: () => ({ tables: fixtures.TABLES }),
    getTable: ({ name }) => needed(fixtures.TABLES.find((table) => table.name === name), "TABLE_NOT_FOUND", `There is no table ${name}.`),
    listSnapshots: ({ parent }) => ({ snapshots: fixtures.SNAPSHOTS(parent) }),
  });

  const query = answering(QueryService, {
    startQuery: ({ statement }) => queries.asJson(queries.add(statement.sql, { source: statement.source, database: statement.defaultDatabase })),
    async getQuery({ name, wait }) {
      const found = queries.find(name);
      await queries.wait(found, Number(wait?.seconds ?? 0n) * 1000);
      return queries.asJson(found);
    },
    cancelQuery({ name }) {
      const found = queries.find(name);
      queries.cancel(found);
      return queries.asJson(found);
    },
    listQueries: () => ({ queries: queries.queries.map((one) => queries.asJson(one)) }),
    async *fetchResults({ name, format, maxRows }) {
      yield* queries.chunks(queries.find(name), format === ResultFormat.CSV, Number(maxRows));
    },
  });

  const runs = answering(TransformService, {
    listPipelines: () => ({ pipelines: fixtures.PIPELINES }),
    listRuns: ({ parent, state: wanted }) => ({
      runs: fixtures.RUNS.filter((run) => parent === "pipelines/-" || run.name.startsWith(`${parent}/`)).filter((run) => !wanted || run.state === `EXECUTION_STATE_${["", "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"][wanted]}`),
    }),
    getRun: ({ name }) => needed(fixtures.RUNS.find((run) => run.name === name), "RUN_NOT_FOUND", `There is no run ${name}.`),
    // The run goes on before one's eyes: its second step ends, then the third.
    async *watchRun({ name }, context) {
      const run = structuredClone(fixtures.RUNS.find((one) => one.name === name));
      yield { run };
      for (const step of run.steps.filter((one) => one.state !== "EXECUTION_STATE_SUCCEEDED")) {
        await new Promise((resolve) => setTimeout(resolve, state.stepMs));
        if (context.signal.aborted) return;
        const now = new Date().toISOString();
        step.times = { ...step.times, startTime: step.times.startTime ?? now, endTime: now };
        step.state = "EXECUTION_STATE_SUCCEEDED";
        step.rowCount = "17280";
        yield { run };
      }
      run.state = "EXECUTION_STATE_SUCCEEDED";
      run.times.endTime = new Date().toISOString();
      yield { run };
    },
    startRun: () => fixtures.RUNS[1],
    stopRun: ({ name }) => fixtures.RUNS.find((run) => run.name === name),
  });

  const alerting = answering(AlertingService, {
    listAlerts: ({ state: wanted }) => ({ alerts: alerts.filter((alert) => !wanted || alert.state === ["", "ALERT_STATE_OK", "ALERT_STATE_PENDING", "ALERT_STATE_FIRING"][wanted]) }),
    acknowledgeAlert({ name }) {
      const alert = alerts.find((one) => one.name === name);
      Object.assign(alert, { acknowledgedBy: "admin", acknowledgeTime: new Date().toISOString() });
      return alert;
    },
    listAlertTransitions: () => ({ transitions: fixtures.TRANSITIONS }),
    listRules: () => ({ rules: fixtures.RULES }),
    listDeliveries: () => ({ deliveries: fixtures.DELIVERIES }),
  });

  return (router) => {
    router.service(AuthService, auth);
    router.service(DashboardService, dashboards);
    router.service(CatalogService, catalog);
    router.service(QueryService, query);
    router.service(TransformService, runs);
    router.service(AlertingService, alerting);
  };
}

function serveFile(request, response) {
  const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
  const file = normalize(join(DIST, extname(path) ? path : "index.html"));
  if (!file.startsWith(DIST) || !existsSync(file) || !statSync(file).isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
  });
  createReadStream(file).pipe(response);
}

// Starts the server. `state` may be changed while it runs: renderMs, stepMs, tokenLifeMs.
export async function startMock(port = 0) {
  const state = { tokens: 0, renders: 0, renderMs: 80, stepMs: 500, tokenLifeMs: 300_000 };
  const rpc = connectNodeAdapter({
    routes: routes(state),
    fallback: serveFile,
    grpc: false,
    grpcWeb: false,
    contextValues: (request) => createContextValues().set(session, new RegExp(`${COOKIE}=(\\w+)`).exec(request.headers.cookie ?? "")?.[1] ?? ""),
  });
  const server = createServer(rpc);
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    state,
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const mock = await startMock(Number(process.argv[2] ?? 8090));
  console.log(`${mock.url} (key: good-key)`);
}
