// Asks Tarn the questions whose answers are known and compares, to the fourth decimal.
//   node compare_answers.mjs ANSWERS_JSON
// Needs `tarn` on PATH and its environment (./dev env). Prints a line an answer; exits with 1 when one differs.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const answers = JSON.parse(readFileSync(process.argv[2], "utf8"));
const hub = answers.smart_hub;
const iot = answers.iot;
const example = hub.example;

function ask(sql) {
  const output = execFileSync("tarn", ["query", "--format", "csv", sql], { encoding: "utf8", maxBuffer: 1 << 28 });
  return output
    .trimEnd()
    .split(/\r?\n/)
    .slice(1)
    .map((line) => line.split(",").map((field) => field.replace(/^"(.*)"$/, "$1")));
}

const same = (got, want) =>
  typeof want === "number" ? got !== undefined && got !== "" && Math.abs(Number(got) - want) < 0.00005 : got === want;

// Each: what, the SQL, and the rows that must come.
const questions = [
  [
    "rows, cents and kWh in all",
    "SELECT count(*), round(sum(cost), 4), round(sum(kwh), 5) FROM smart_hub.usage_enriched",
    [[hub.rows, hub.cost_cents, hub.kwh]],
  ],
  [
    "rows and cents by home and day",
    "SELECT loc_id, dt, count(*), round(sum(cost), 4) FROM smart_hub.usage_enriched GROUP BY ALL ORDER BY ALL",
    Object.entries(hub.homes)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([home, { days }]) =>
        Object.entries(days).map(([day, { rows, cost_cents }]) => [home, day, rows, cost_cents]),
      ),
  ],
  [
    `cents by device, home ${example.loc_id} on ${example.date}`,
    `SELECT device, round(sum(cost), 4) FROM smart_hub.usage_enriched WHERE loc_id = '${example.loc_id}' AND dt = '${example.date}' GROUP BY device ORDER BY device`,
    Object.entries(example.by_device).map(([device, { cost_cents }]) => [device, cost_cents]),
  ],
  [
    `rows and cents by tariff, home ${example.loc_id}`,
    `SELECT type, count(*), round(sum(cost), 4) FROM smart_hub.usage_enriched WHERE loc_id = '${example.loc_id}' GROUP BY type ORDER BY type`,
    Object.entries(example.by_type_all_days).map(([type, { rows, cost_cents }]) => [type, rows, cost_cents]),
  ],
  [
    `local times of ${example.date}`,
    `SELECT strftime(min(ts_local), '%H:%M:%S'), strftime(max(ts_local), '%H:%M:%S') FROM smart_hub.usage_enriched WHERE loc_id = '${example.loc_id}' AND dt = '${example.date}'`,
    [[example.first_local_time, example.last_local_time]],
  ],
  [
    "device messages",
    `SELECT device, count(*), round(avg(round(data.temp, 2) * 1.8 + 32), 4), round(sum(round(data.co, 4)), 4),
            round(sum(data.co), 4), round(max(data.co), 6)
     FROM iot.device_messages GROUP BY device ORDER BY device`,
    Object.entries(iot.devices).map(([device, d]) => [
      device,
      d.messages,
      d.mean_temp_f,
      d.co_sum,
      d.co_sum_unrounded,
      d.co_max,
    ]),
  ],
  [
    "sums over all messages",
    `SELECT count(*), round(sum(round(data.lpg, 4)), 4), round(sum(round(data.smoke, 4)), 4),
            count(DISTINCT round(data.lpg, 4)), round(sum(round(data.humidity, 2)), 4) FROM iot.device_messages`,
    [[iot.messages, iot.lpg_sum, iot.smoke_sum, iot.distinct_lpg, iot.humidity_sum]],
  ],
  [
    "readings, rounded and converted on the way",
    `SELECT device, count(*), round(avg(temp), 4), round(sum(co), 4), count(longitude) + count(installed) - count(*)
     FROM iot.readings GROUP BY device ORDER BY device`,
    Object.entries(iot.devices).map(([device, d]) => [device, d.messages, d.mean_temp_f, d.co_sum, d.messages]),
  ],
  [
    "sums over all readings",
    `SELECT count(*), round(sum(lpg), 4), round(sum(smoke), 4), count(DISTINCT lpg), round(sum(humidity), 4) FROM iot.readings`,
    [[iot.messages, iot.lpg_sum, iot.smoke_sum, iot.distinct_lpg, iot.humidity_sum]],
  ],
];

let different = 0;
for (const [what, sql, want] of questions) {
  const got = ask(sql);
  const wrong = want.findIndex((row, i) => row.some((value, j) => !same(got[i]?.[j], value)));
  const matches = wrong < 0 && got.length === want.length;
  if (!matches) different += 1;
  const shown = want.length === 1 ? want[0].join(", ") : `${want.length} rows`;
  console.log(`  ${matches ? "same     " : "DIFFERENT"}  ${what}: ${shown}`);
  if (!matches) {
    const at = Math.max(wrong, 0);
    console.log(`             want ${want[at]?.join(", ") ?? "no more rows"}; got ${got[at]?.join(", ") ?? "no row"}`);
  }
}
console.log(different === 0 ? `  all ${questions.length} answers are the known ones` : `  ${different} answers differ`);
process.exit(different === 0 ? 0 : 1);
