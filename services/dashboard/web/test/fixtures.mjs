// What the mock server answers: a small Smart Hub, computed, so that filters and switches change something.
// Everything is in proto JSON and goes through the generated schemas: a field that the protos do not have fails at once.

const minutesAgo = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();

export const HOMES = [
  { id: "b6a8d42425fde548", lon: -122.8077, lat: 45.4031, street: "SW Tualatin Rd", share: 1 },
  { id: "1c7e1f7df752663e", lon: -122.6587, lat: 45.5122, street: "SE Hawthorne Blvd", share: 1.25 },
  { id: "08ae3df798df8b90", lon: -122.5704, lat: 45.6387, street: "NE Vancouver Mall Dr", share: 0.8 },
];

const DEVICES = [
  ["Central Air Conditioner", 3.3],
  ["Refrigerator", 0.9],
  ["Clothes Dryer", 0.65],
  ["Clothes Washer", 0.27],
  ["Dishwasher", 0.11],
  ["Hair Dryer", 0.08],
  ["Microwave Oven", 0.07],
  ["Flat Screen TV", 0.07],
  ["Ceiling Fan", 0.05],
  ["Coffee Maker", 0.05],
];
const DAYS = ["2019-12-21", "2019-12-22"];

const two = (value) => String(value).padStart(2, "0");
const curve = (hour) => 0.35 + 0.65 * Math.exp(-((hour - 18) ** 2) / 18) + 0.4 * Math.exp(-((hour - 8) ** 2) / 8);
const rate = (hour) => (hour >= 17 && hour < 21 ? 12.8 : hour >= 7 && hour < 23 ? 7.9 : 4.4);

// One row for each home, day, hour and device that the filters let through.
function usage({ filters }) {
  const wanted = filters.home?.values ?? [];
  const hours = filters.hours ?? {};
  const time = filters.time ?? {};
  const rows = [];
  for (const home of HOMES) {
    if (wanted.length > 0 && !wanted.includes(home.id)) continue;
    for (const day of DAYS) {
      if ((time.from && day < time.from.slice(0, 10)) || (time.until && day >= time.until.slice(0, 10))) continue;
      for (let hour = Number(hours.from || 0); hour < Number(hours.until || 24); hour += 1) {
        DEVICES.forEach(([device, weight], index) => {
          const wave = 1 + 0.25 * Math.sin(hour * 1.7 + index * 2.3 + (day === DAYS[1] ? 1.1 : 0));
          const kwh = weight * curve(hour) * wave * home.share * 0.55;
          rows.push({ home, day, hour, device, kwh, cost: kwh * rate(hour) });
        });
      }
    }
  }
  return rows;
}

function grouped(rows, keyOf, sums) {
  const groups = new Map();
  for (const row of rows) {
    const key = keyOf(row);
    const text = JSON.stringify(key);
    if (!groups.has(text)) groups.set(text, [...key, ...sums.map(() => 0)]);
    sums.forEach((name, index) => {
      groups.get(text)[key.length + index] += row[name];
    });
  }
  return [...groups.values()];
}

const column = (name, type, role, label = name) => ({ name, type, role, label });

const visual = (id, title, type, layout, more) => ({ id, title, type: `VISUAL_TYPE_${type}`, dataset: "datasets/usage", ...(layout ? { layout } : {}), ...more });
const cents = { field: "cost_dollars", aggregate: "AGGREGATE_SUM", label: "Cost", prefix: "$" };
const energy = { field: "kwh", aggregate: "AGGREGATE_SUM", label: "Energy", suffix: " kWh", decimals: 3 };
const hourly = { field: "ts_local", label: "Time", grain: "${grain}" };

export const DASHBOARD = {
  name: "dashboards/residential-electrical-usage",
  title: "Residential electrical usage",
  description: "What three homes near Portland used on two days, and what it cost.",
  etag: "1",
  owner: "admin",
  createTime: minutesAgo(3 * 1440),
  updateTime: minutesAgo(95),
  filters: [
    { id: "time", label: "Time", type: "FILTER_TYPE_TIME_RANGE", field: "ts_local" },
    {
      id: "hours",
      label: "Hours",
      type: "FILTER_TYPE_HOUR_RANGE",
      field: "ts_local",
      presets: [{ label: "08 to 22 h", value: { from: "8", until: "22" } }],
    },
    { id: "home", label: "Home", type: "FILTER_TYPE_VALUES", field: "loc_id" },
    { id: "state", label: "State", type: "FILTER_TYPE_VALUES", field: "state" },
  ],
  switches: [
    {
      id: "grain",
      label: "Every",
      options: [
        { value: "5minutes", label: "5 min" },
        { value: "hour", label: "Hour" },
        { value: "day", label: "Day" },
      ],
      defaultValue: "hour",
    },
  ],
  visuals: [
    visual("total_cost", "Total cost", "FIGURE", { x: 0, y: 0, width: 3, height: 2 }, {
      measures: [cents],
      thresholds: [
        { from: 0, level: "good" },
        { from: 10, level: "warning" },
        { from: 25, level: "critical" },
      ],
    }),
    visual("total_energy", "Energy used", "FIGURE", { x: 0, y: 2, width: 3, height: 2 }, { measures: [energy] }),
    visual("cost_by_device_over_time", "Cost over time by device", "BAR", { x: 3, y: 0, width: 9, height: 4 }, {
      dimensions: [hourly],
      series: { field: "device", label: "Device" },
      measures: [cents],
    }),
    visual("energy_and_cost", "Energy and cost together", "COMBO", { x: 0, y: 4, width: 7, height: 4 }, {
      dimensions: [hourly],
      measures: [energy, { ...cents, asLine: true }],
    }),
    visual("cost_by_device", "Cost by device", "RING", { x: 7, y: 4, width: 5, height: 4 }, { dimensions: [{ field: "device", label: "Device" }], measures: [cents] }),
    visual("cost_by_hour_and_day", "Cost by hour and day", "HEAT_MAP", { x: 0, y: 8, width: 7, height: 4 }, {
      dimensions: [
        { field: "ts_local", label: "Hour", grain: "hour_of_day" },
        { field: "ts_local", label: "Day", grain: "date" },
      ],
      measures: [cents],
    }),
    visual("homes", "Homes", "MAP", { x: 7, y: 8, width: 5, height: 4 }, {
      dataset: "datasets/homes",
      dimensions: [{ field: "lon", label: "Longitude" }, { field: "lat", label: "Latitude" }, { field: "street", label: "Street" }],
      measures: [cents],
    }),
    visual("energy_by_home", "Energy by home", "LINE", { x: 0, y: 12, width: 7, height: 4 }, {
      dimensions: [hourly],
      series: { field: "loc_id", label: "Home" },
      measures: [energy],
    }),
    visual("broken", "A visual that fails", "BAR", { x: 7, y: 12, width: 5, height: 2 }, { measures: [cents] }),
    visual("nothing", "A visual without rows", "LINE", { x: 7, y: 14, width: 5, height: 2 }, { measures: [cents] }),
    visual("rows", "Cost by home and device", "TABLE", { x: 0, y: 16, width: 12, height: 5 }, {
      dimensions: [{ field: "loc_id", label: "Home" }, { field: "device", label: "Device" }],
      measures: [energy, cents],
    }),
  ],
};

export const OTHER_DASHBOARD = {
  name: "dashboards/devices",
  title: "Devices",
  description: "",
  updateTime: minutesAgo(60 * 50),
  visuals: [visual("co", "Largest carbon monoxide", "FIGURE", undefined, { measures: [{ field: "co", aggregate: "AGGREGATE_MAX", decimals: 6 }] })],
};

// The answer of RenderDashboard.
export function render(name, filters, switches) {
  if (name === OTHER_DASHBOARD.name) {
    return { dashboard: OTHER_DASHBOARD, visuals: [{ visualId: "co", columns: [column("co", "double", "measure")], rows: [[0.011925]] }] };
  }
  const rows = usage({ filters }).map((row) => ({ ...row, dollars: row.cost / 100 }));
  const grain = switches.grain || "hour";
  const slots = (row) => {
    if (grain === "day") return [[`${row.day}T00:00:00`, row]];
    if (grain === "hour") return [[`${row.day}T${two(row.hour)}:00:00`, row]];
    return Array.from({ length: 12 }, (_, slot) => [`${row.day}T${two(row.hour)}:${two(slot * 5)}:00`, { ...row, kwh: row.kwh / 12, dollars: row.dollars / 12 }]);
  };
  const timed = rows.flatMap((row) => slots(row).map(([ts, part]) => ({ ...part, ts })));
  const ts = column("ts_local", "timestamp", "dimension", "Time");
  const cost = column("cost_dollars", "double", "measure", "Cost");
  const kwh = column("kwh", "double", "measure", "Energy");
  const result = (visualId, columns, found, more = {}) => ({ visualId, columns, rows: found, query: `SELECT *\nFROM smart_hub.usage_enriched -- ${visualId}`, ...more });
  const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
  return {
    dashboard: DASHBOARD,
    visuals: [
      result("total_cost", [cost], rows.length ? [[sum("dollars") * 1.1]] : []),
      result("total_energy", [kwh], rows.length ? [[sum("kwh")]] : []),
      result("cost_by_device_over_time", [ts, column("device", "string", "series", "Device"), cost], grouped(timed, (row) => [row.ts, row.device], ["dollars"])),
      result("energy_and_cost", [ts, kwh, cost], grouped(timed, (row) => [row.ts], ["kwh", "dollars"])),
      result("cost_by_device", [column("device", "string", "dimension", "Device"), cost], grouped(rows, (row) => [row.device], ["dollars"])),
      result(
        "cost_by_hour_and_day",
        [column("hour", "long", "dimension", "Hour"), column("day", "date", "dimension", "Day"), cost],
        grouped(rows, (row) => [row.hour, row.day], ["dollars"]),
      ),
      result(
        "homes",
        [column("lon", "double", "dimension", "Longitude"), column("lat", "double", "dimension", "Latitude"), column("street", "string", "dimension", "Street"), cost],
        grouped(rows, (row) => [row.home.lon, row.home.lat, row.home.street], ["dollars"]),
        { unappliedFilters: ["state"] },
      ),
      result("energy_by_home", [ts, column("loc_id", "string", "series", "Home"), kwh], grouped(timed, (row) => [row.ts, row.home.id], ["kwh"]), { truncated: grain === "5minutes" }),
      { visualId: "broken", error: { code: 3, reason: "FIELD_NOT_FOUND", message: "The data set usage has no field kwhh. It has kwh, cost, device, loc_id and 8 more." } },
      result("nothing", [ts, cost], []),
      result(
        "rows",
        [column("loc_id", "string", "dimension", "Home"), column("device", "string", "dimension", "Device"), kwh, cost],
        grouped(rows, (row) => [row.home.id, row.device], ["kwh", "dollars"]),
      ),
    ],
    filterOptions: [
      { filterId: "time", range: { from: "2019-12-21T00:00:00", until: "2019-12-22T23:55:00" } },
      { filterId: "hours" },
      { filterId: "home", values: HOMES.map((home) => home.id) },
      { filterId: "state", values: ["or"] },
    ],
  };
}

const snapshot = (table, id, sequence, operation, rows, minutes) => ({
  name: `${table}/snapshots/${id}`,
  snapshotId: String(id),
  parentSnapshotId: "0",
  sequenceNumber: String(sequence),
  operation: `SNAPSHOT_OPERATION_${operation}`,
  commitTime: minutesAgo(minutes),
  committedBy: "admin",
  summary: { "added-files": "3", "removed-files": "0", "added-rows": String(rows), "removed-rows": "0", "total-files": "3", "total-rows": String(rows), "total-bytes": "412345", run: "enrich/01hx2" },
});

const table = (database, id, type, fields, more = {}) => {
  const name = `databases/${database}/tables/${id}`;
  return {
    name,
    uid: "7d0c3b52-4e0e-4a39-9f1b-1f6d3bb7d7a1",
    type: `TABLE_TYPE_${type}`,
    schema: { fields },
    owner: "admin",
    createTime: minutesAgo(4000),
    updateTime: minutesAgo(95),
    ...(type === "VIEW" ? {} : { statistics: { rowCount: "17280", fileCount: "3", byteCount: "412345" }, currentSnapshot: snapshot(name, 5577006791947779410n, 2, "OVERWRITE", 17280, 95) }),
    ...more,
  };
};

const field = (id, name, type, more = {}) => ({ id, name, type, ...more });

export const DATABASES = [
  { name: "databases/iot", comment: "Device messages as they come in.", owner: "admin" },
  { name: "databases/smart_hub", comment: "Electricity usage of homes, with their locations and rates.", owner: "admin" },
];

export const TABLES = [
  table("iot", "device_messages", "MANAGED", [
    field(1, "data", "struct", { fields: [field(2, "co", "double"), field(3, "humidity", "double"), field(4, "motion", "boolean"), field(5, "temp", "double")] }),
    field(6, "device_id", "string"),
    field(7, "ts", "double", { doc: "Seconds since 1970" }),
    field(8, "tags", "list", { fields: [field(9, "element", "string")] }),
    field(10, "limits", "map", { fields: [field(11, "key", "string"), field(12, "value", "double")] }),
    field(13, "_ingested_at", "timestamptz"),
  ]),
  table("smart_hub", "usage_enriched", "MANAGED", [
    field(1, "ts_local", "timestamp", { required: true, doc: "In the home's own time zone" }),
    field(2, "ts_utc", "timestamptz", { required: true }),
    field(3, "device", "string"),
    field(4, "location", "string"),
    field(5, "kwh", "double"),
    field(6, "cost", "double", { doc: "Cents" }),
    field(7, "loc_id", "string"),
    field(8, "dt", "date"),
  ], { comment: "One row for each home, interval and sensor.", partitionFields: [{ source: "loc_id" }, { source: "ts_utc", transform: "day" }], sortFields: [{ source: "ts_utc" }], location: "warehouse/smart_hub/usage_enriched-7d0c3b52", properties: { "team": "energy" } }),
  table("smart_hub", "usage_json", "EXTERNAL", [field(1, "loc_id", "string"), field(2, "ts", "long"), field(3, "dt", "date")], {
    external: { path: "smart_hub/usage_json", format: "FILE_FORMAT_JSON_LINES" },
    partitionFields: [{ source: "dt" }],
  }),
  table("smart_hub", "homes", "VIEW", [field(1, "loc_id", "string"), field(2, "lon", "double"), field(3, "lat", "double")], {
    view: { sql: "SELECT hash AS loc_id, lon, lat\nFROM locations", defaultDatabase: "smart_hub" },
  }),
];

export const SNAPSHOTS = (parent) => [snapshot(parent, 5577006791947779410n, 2, "OVERWRITE", 17280, 95), snapshot(parent, 8674665223082153551n, 1, "APPEND", 11520, 2000)];

const times = (created, started, ended) => ({
  createTime: minutesAgo(created),
  ...(started === undefined ? {} : { startTime: minutesAgo(started) }),
  ...(ended === undefined ? {} : { endTime: minutesAgo(ended) }),
});

const step = (stepId, kind, state, start, end, more = {}) => ({
  stepId,
  kind,
  state: `EXECUTION_STATE_${state}`,
  times: times(start ?? 95, start, end),
  attempt: start === undefined ? 0 : 1,
  ...more,
});

export const PIPELINES = [
  { name: "pipelines/enrich", description: "Raw usage to costs, one home and day after the other.", steps: [] },
  { name: "pipelines/nightly-export", description: "", steps: [] },
];

export const RUNS = [
  {
    name: "pipelines/enrich/runs/01j2m",
    state: "EXECUTION_STATE_RUNNING",
    times: times(1, 1),
    trigger: "event/tarn.catalog.table.snapshot_created/databases/smart_hub/tables/usage_json",
    owner: "admin",
    parameters: { loc_id: "b6a8d42425fde548", from_dt: "2019-12-21" },
    steps: [
      step("crawl_usage", "crawl", "SUCCEEDED", 1, 0.8, { rowCount: "1728" }),
      step("enrich", "sql", "RUNNING", 0.8, undefined, { dependsOn: ["crawl_usage"], output: "queries/q-select" }),
      step("check_rates", "check", "QUEUED", undefined, undefined, { dependsOn: ["enrich"] }),
    ],
  },
  {
    name: "pipelines/enrich/runs/01hx2",
    state: "EXECUTION_STATE_SUCCEEDED",
    times: times(96, 95.9, 95),
    trigger: "user/admin",
    owner: "admin",
    steps: [
      step("crawl_usage", "crawl", "SUCCEEDED", 95.9, 95.7, { rowCount: "1728", output: "crawlers/usage/crawls/c1" }),
      step("crawl_rates", "crawl", "SUCCEEDED", 95.9, 95.75, { rowCount: "96" }),
      step("enrich", "sql", "SUCCEEDED", 95.7, 95.2, { rowCount: "17280", output: "queries/q-select", dependsOn: ["crawl_usage", "crawl_rates"] }),
      step("compact", "compact", "SUCCEEDED", 95.2, 95.1, { dependsOn: ["enrich"] }),
      step("check_rates", "check", "SUCCEEDED", 95.1, 95, { dependsOn: ["compact"] }),
    ],
  },
  {
    name: "pipelines/nightly-export/runs/01hw9",
    state: "EXECUTION_STATE_FAILED",
    times: times(700, 700, 698),
    trigger: "schedule",
    owner: "admin",
    error: { code: 9, reason: "CHECK_FAILED", message: "The check no_row_without_rate found 3 rows: every enriched row needs a rate. Upload the rates of that month and run the pipeline again." },
    steps: [
      step("export", "export", "SUCCEEDED", 700, 699, { rowCount: "1000", output: "2026-01-01/usage.csv" }),
      step("no_row_without_rate", "check", "FAILED", 699, 698, { attempt: 3, rowCount: "3", dependsOn: ["export"], error: { code: 9, reason: "CHECK_FAILED", message: "3 rows lack a rate." } }),
      step("tell", "notify", "CANCELLED", undefined, undefined, { dependsOn: ["no_row_without_rate"], error: { code: 1, reason: "UPSTREAM_FAILED", message: "The step no_row_without_rate failed." } }),
    ],
  },
];

export const RULES = [
  {
    name: "rules/co_too_high",
    description: "The largest carbon monoxide of each device.",
    sql: "SELECT device, max(data.co) AS co\nFROM iot.device_messages\nGROUP BY device",
    condition: { column: "co", operator: "COMPARISON_OPERATOR_GREATER", threshold: 0.01 },
    severity: "SEVERITY_CRITICAL",
    schedule: { cron: "@every 30s" },
    channels: ["channels/demo"],
    lastEvaluationTime: minutesAgo(0.3),
    firingCount: 1,
  },
  {
    name: "rules/stale_usage",
    description: "Usage that is older than a day.",
    sql: "SELECT 1",
    condition: { column: "age", operator: "COMPARISON_OPERATOR_GREATER_OR_EQUAL", threshold: 24 },
    severity: "SEVERITY_WARNING",
    schedule: { cron: "0 6 * * *", timeZone: "America/Los_Angeles" },
    lastEvaluationTime: minutesAgo(300),
    lastError: "There is no table smart_hub.usage_raw. Did you mean smart_hub.usage_json?",
  },
];

export const ALERTS = [
  {
    name: "rules/co_too_high/alerts/a1",
    labels: { device: "iot-device-01" },
    state: "ALERT_STATE_FIRING",
    value: 0.011925,
    severity: "SEVERITY_CRITICAL",
    stateTime: minutesAgo(42),
    message: "iot-device-01 measured 0.011925, more than 0.01.",
  },
  { name: "rules/co_too_high/alerts/a2", labels: { device: "iot-device-02" }, state: "ALERT_STATE_OK", value: 0.004961, severity: "SEVERITY_CRITICAL", stateTime: minutesAgo(43) },
  { name: "rules/co_too_high/alerts/a3", labels: { device: "iot-device-03" }, state: "ALERT_STATE_OK", value: 0.005658, severity: "SEVERITY_CRITICAL", stateTime: minutesAgo(43) },
];

export const TRANSITIONS = [
  { alert: "rules/co_too_high/alerts/a1", fromState: "ALERT_STATE_PENDING", toState: "ALERT_STATE_FIRING", value: 0.011925, time: minutesAgo(42), labels: { device: "iot-device-01" } },
  { alert: "rules/co_too_high/alerts/a1", fromState: "ALERT_STATE_OK", toState: "ALERT_STATE_PENDING", value: 0.011925, time: minutesAgo(43), labels: { device: "iot-device-01" } },
];

export const DELIVERIES = [
  {
    name: "channels/demo/deliveries/d1",
    state: "DELIVERY_STATE_DELIVERED",
    attemptCount: 2,
    lastResult: "HTTP 204",
    subject: "rules/co_too_high/alerts/a1",
    message: "iot-device-01 measured 0.011925, more than 0.01.",
    createTime: minutesAgo(42),
  },
];
