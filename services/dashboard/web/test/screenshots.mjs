// Takes pictures of every page against the mock into test/screenshots/: light, dark, and on a phone.
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { dashboardRendered, expectNoConsoleErrors, openBrowser, openPage, signIn } from "./browser.mjs";
import { startMock } from "./mock.mjs";

const OUT = join(dirname(fileURLToPath(import.meta.url)), "screenshots");
const ROUTES = [
  ["dashboards", "/dashboards"],
  ["dashboard", "/dashboards/residential-electrical-usage"],
  ["dashboard-day", "/dashboards/residential-electrical-usage?grain=day&home=b6a8d42425fde548&hours.from=8&hours.until=22&as_table=cost_by_device"],
  ["dashboard-5min", "/dashboards/residential-electrical-usage?grain=5minutes"],
  ["sql", "/sql?query=q-select"],
  ["sql-error", "/sql?query=q-error&history=all"],
  ["catalog", "/catalog"],
  ["table", "/catalog/iot/device_messages"],
  ["snapshots", "/catalog/smart_hub/usage_enriched?tab=snapshots"],
  ["runs", "/runs"],
  ["run", "/runs/enrich/01hx2"],
  ["run-failed", "/runs/nightly-export/01hw9"],
  ["alerts", "/alerts"],
  ["transitions", "/alerts?view=transitions"],
  ["rules", "/alerts?view=rules"],
];

mkdirSync(OUT, { recursive: true });
const mock = await startMock();
const browser = await openBrowser();
const only = process.argv[2];
try {
  for (const [look, options] of [["light", {}], ["dark", { dark: true }], ["phone", { phone: true }]]) {
    const { page, context, record } = await openPage(browser, mock.url, options);
    await page.goto(`${mock.url}/sign-in`);
    await page.screenshot({ path: join(OUT, `sign-in-${look}.png`) });
    await signIn(page, mock.url, "good-key");
    for (const [name, path] of ROUTES) {
      if (only && !name.startsWith(only)) continue;
      await page.goto(mock.url + path);
      if (path.startsWith("/dashboards/")) await dashboardRendered(page);
      await page.waitForLoadState("networkidle");
      await page.screenshot({ path: join(OUT, `${name}-${look}.png`), fullPage: true });
    }
    expectNoConsoleErrors(record);
    await context.close();
  }
} finally {
  await browser.close();
  await mock.stop();
}
