// Drives the page against a running Tarn that holds the Smart Hub example, and fails on any console error, any request to another host,
// and any figure that is not the known one.
//   node page.mjs BASE_URL KEY_FILE DOLLARS SCREENSHOT_DIR
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  chartHasInk,
  dashboardRendered,
  expectNoConsoleErrors,
  figureValue,
  openBrowser,
  openDashboard,
  openPage,
  signIn,
} from "../../services/dashboard/web/test/browser.mjs";

const [baseUrl, keyFile, dollars, pictures] = process.argv.slice(2);
const key = readFileSync(keyFile, "utf8").trim();
const dashboard = "residential-electrical-usage";
const near = (got, want) => assert.ok(Math.abs(got - want) < 0.01, `${got} where ${want} is known`);

mkdirSync(pictures, { recursive: true });
const browser = await openBrowser();
try {
  for (const [look, options] of [
    ["light", {}],
    ["dark", { dark: true }],
    ["phone", { phone: true }],
  ]) {
    const { page, context, record } = await openPage(browser, baseUrl, options);
    const picture = async (name) => {
      // A picture alone: a page that asks again and again is never idle.
      await page.waitForLoadState("networkidle", { timeout: 10_000 }).catch(() => {});
      await page.screenshot({ path: join(pictures, `${name}-${look}.png`), fullPage: true });
    };
    await signIn(page, baseUrl, key);
    await picture("dashboards");
    await openDashboard(page, baseUrl, dashboard);
    near(await figureValue(page, "total_cost"), Number(dollars));
    for (const visual of ["cost_by_time", "usage_and_cost", "cost_by_device", "cost_by_hour_and_day", "homes"]) {
      assert.equal(await page.locator(`[data-visual="${visual}"]`).getAttribute("data-state"), "ready", visual);
      assert.ok(await chartHasInk(page, visual), `${visual} is empty`);
    }
    await picture("dashboard");

    // Fewer hours cost less, more pieces of time cost the same, and a reload keeps what was chosen.
    await openDashboard(page, baseUrl, dashboard, { grain: "day", "hours.from": "8", "hours.until": "22" });
    const some = await figureValue(page, "total_cost");
    assert.ok(some > 0 && some < Number(dollars), `${some} of ${dollars}`);
    await page.reload();
    await dashboardRendered(page);
    near(await figureValue(page, "total_cost"), some);
    await openDashboard(page, baseUrl, dashboard, { grain: "5minutes" });
    near(await figureValue(page, "total_cost"), Number(dollars));

    await page.goto(`${baseUrl}/sql?q=${encodeURIComponent("SELECT count(*) AS n FROM smart_hub.usage_enriched")}`);
    await page.getByLabel("SQL statement").focus();
    await page.keyboard.press("Control+Enter");
    await page.locator('[data-state="SUCCEEDED"][data-complete="true"]').waitFor();
    await picture("sql");
    await page.goto(`${baseUrl}/catalog/smart_hub/usage_enriched`);
    await page.getByText("cents_per_kwh").first().waitFor();
    await picture("catalog");
    await page.goto(`${baseUrl}/runs`);
    await page.locator("main").getByRole("link", { name: /smart-hub/ }).first().waitFor();
    await picture("runs");
    await page.goto(`${baseUrl}/alerts`);
    await page.getByText("iot-device-01").first().waitFor();
    await picture("alerts");
    expectNoConsoleErrors(record);
    await context.close();
  }
} finally {
  await browser.close();
}
