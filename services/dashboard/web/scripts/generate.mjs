// Writes src/gen from the protos: every service the page calls, and google.rpc's error details.
// buf and Google's protos come from tools/npm (`npm ci --ignore-scripts` there first).
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const web = dirname(dirname(fileURLToPath(import.meta.url)));
const root = join(web, "../../..");
const buf = join(root, "tools/npm/node_modules/.bin/buf");

if (!existsSync(buf)) {
  console.error(`generate: ${buf} is missing; run \`npm ci --ignore-scripts\` in tools/npm first`);
  process.exit(1);
}

const modules = ["alerting", "catalog", "dashboard", "query", "transform"];
const paths = [
  ...modules.map((module) => `proto/tarn/${module}`),
  "tools/npm/node_modules/google-proto-files/google/rpc/error_details.proto",
];
const result = spawnSync(
  buf,
  ["generate", "--template", "services/dashboard/web/buf.gen.yaml", ...paths.flatMap((path) => ["--path", path])],
  { cwd: root, stdio: "inherit" },
);
process.exit(result.status ?? 1);
