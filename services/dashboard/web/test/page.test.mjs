// Drives the built page through all of its routes against the mock, and fails on any console error or warning and on any
// request to another host. Run `npm run build` first.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { chartHasInk, dashboardRendered, expectNoConsoleErrors, figureValue, openBrowser, openDashboard, openPage, signIn } from "./browser.mjs";
import { startMock } from "./mock.mjs";

const KEY = "good-key";
const DASHBOARD = "residential-electrical-usage";
const REFUSED = /status of 401/;

let browser;
let mock;
let page;
let context;
let record;
let expected;

before(async () => {
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
});

async function fresh(options) {
  await context?.close();
  ({ page, context, record } = await openPage(browser, mock.url, options));
}

beforeEach(async () => {
  mock = await startMock();
  expected = [];
  await fresh();
});
afterEach(async () => {
  try {
    expectNoConsoleErrors(record, expected);
  } finally {
    await context.close();
    context = undefined;
    await mock.stop();
  }
});

const search = () => new URL(page.url()).searchParams;
const heading = (name) => page.getByRole("heading", { name, level: 1 });

describe("signing in", () => {
  test("explains a key that is refused, and goes on to where one wanted to be", async () => {
    expected = [REFUSED];
    await page.goto(`${mock.url}/runs?state=failed`);
    await page.getByLabel("Key").fill("no key");
    await page.keyboard.press("Enter");
    await page.getByText("This is not a key of this Tarn").waitFor();
    await page.getByLabel("Key").fill("revoked-key");
    await page.keyboard.press("Enter");
    await page.getByText("This key has been revoked").waitFor();
    await page.getByLabel("Key").fill(`  ${KEY}\n`);
    await page.keyboard.press("Enter");
    await heading("Runs").waitFor();
    assert.equal(search().get("state"), "failed");
  });

  test("does not ask the server when nobody has signed in here, and never leaves the token where scripts could find it later", async () => {
    await page.goto(mock.url);
    await page.getByLabel("Key").waitFor();
    await signIn(page, mock.url, KEY);
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
    assert.ok(!kept.includes("token-"), kept);
  });

  test("survives a reload, and renews its token before it ends", async () => {
    mock.state.tokenLifeMs = 3_000;
    await signIn(page, mock.url, KEY);
    await page.reload();
    await heading("Dashboards").waitFor();
    const before = mock.state.tokens;
    await page.waitForResponse((response) => response.url().endsWith("/RefreshSession"));
    assert.ok(mock.state.tokens > before);
  });

  test("ends with signing out", async () => {
    await signIn(page, mock.url, KEY);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Key").waitFor();
    await page.goto(`${mock.url}/sql`);
    await page.getByLabel("Key").waitFor();
  });

  test("does not follow an address of another host after signing in", async () => {
    await page.goto(`${mock.url}/sign-in?next=//example.com/`);
    await page.getByLabel("Key").fill(KEY);
    await page.keyboard.press("Enter");
    await heading("Dashboards").waitFor();
  });
});

describe("dashboards", () => {
  beforeEach(() => signIn(page, mock.url, KEY));

  test("opens from the list, draws every kind of visual in one call, and shows each one's own state", async () => {
    await page.getByRole("link", { name: /Residential electrical usage/ }).click();
    const renders = mock.state.renders;
    await dashboardRendered(page);
    assert.ok(mock.state.renders - renders <= 1);
    for (const id of ["cost_by_device_over_time", "energy_and_cost", "cost_by_device", "cost_by_hour_and_day", "homes", "energy_by_home"]) {
      assert.ok(await chartHasInk(page, id), `${id} is drawn`);
    }
    assert.match(await page.locator('[data-visual="total_cost"]').innerText(), /\$25\.89[\s\S]*Critical/);
    await page.locator('[data-visual="broken"]').getByText("has no field kwhh").waitFor();
    await page.locator('[data-visual="nothing"]').getByText("No rows").waitFor();
    await page.getByText("Not filtered by State").waitFor();
    assert.match(await page.getByRole("img", { name: /^Ring of shares/ }).getAttribute("aria-label"), /Largest: .* at Central Air Conditioner/);
  });

  test("puts every choice into the address, and the address back into choices", async () => {
    await openDashboard(page, mock.url, DASHBOARD);
    const all = await figureValue(page, "total_cost");
    await page.getByRole("button", { name: "08 to 22 h" }).click();
    await page.waitForURL(/hours\.from=8&hours\.until=22/);
    await dashboardRendered(page);
    await page.getByRole("button", { name: /^Home: All/ }).click();
    await page.getByRole("checkbox", { name: "b6a8d42425fde548" }).check();
    await page.keyboard.press("Escape");
    await page.getByText("Day", { exact: true }).first().click();
    await page.waitForURL(/grain=day/);
    await page.getByLabel("Time, from").fill("2019-12-22");
    await page.waitForURL(/from=2019-12-22/);
    await dashboardRendered(page);
    const some = await figureValue(page, "total_cost");
    assert.ok(some < all / 4, `${some} is part of ${all}`);

    const address = page.url();
    await page.goto("about:blank");
    await page.goto(address);
    await dashboardRendered(page);
    assert.equal(await figureValue(page, "total_cost"), some);
    assert.equal(await page.getByRole("button", { name: "08 to 22 h" }).getAttribute("aria-pressed"), "true");
    assert.equal(await page.getByLabel("Time, from").inputValue(), "2019-12-22");

    await page.getByRole("button", { name: "Reset" }).click();
    await page.waitForURL((url) => url.search === "");
    await dashboardRendered(page);
    assert.equal(await figureValue(page, "total_cost"), all);
    await page.goBack();
    await dashboardRendered(page);
    assert.equal(await figureValue(page, "total_cost"), some);
  });

  test("shows a chart as a table by keyboard, sorts it, and links to both", async () => {
    await openDashboard(page, mock.url, DASHBOARD);
    const visual = page.locator('[data-visual="cost_by_device"]');
    await visual.getByRole("button", { name: "Show Cost by device as a table" }).focus();
    await page.keyboard.press("Enter");
    await visual.getByRole("button", { name: "Cost", exact: true }).click();
    await visual.getByRole("button", { name: "Cost ↑" }).or(visual.locator('th[aria-sort="ascending"] button')).first().click();
    await page.waitForURL(/sort\.cost_by_device=-/);
    await visual.locator("tbody tr").first().getByRole("cell", { name: "Central Air Conditioner" }).waitFor();
    await page.reload();
    await visual.locator('th[aria-sort="descending"]').waitFor();
    await visual.getByRole("link", { name: "Open the query of Cost by device" }).click();
    await page.waitForURL(/\/sql\?q=SELECT/);
    assert.match(await page.getByLabel("SQL statement").inputValue(), /cost_by_device/);
  });

  test("says that a dashboard does not exist", async () => {
    expected = [/status of 404/];
    await page.goto(`${mock.url}/dashboards/none`);
    await page.getByText("There is no dashboard dashboards/none.").waitFor();
  });
});

describe("SQL", () => {
  beforeEach(() => signIn(page, mock.url, KEY));

  test("runs a statement with Ctrl+Enter, shows rows and figures, and keeps them under an address", async () => {
    await page.goto(`${mock.url}/sql?q=${encodeURIComponent("SELECT 1")}`);
    const editor = page.getByLabel("SQL statement");
    assert.equal(await editor.inputValue(), "SELECT 1");
    await editor.focus();
    await page.keyboard.press("Control+Enter");
    await page.locator('[data-state="SUCCEEDED"][data-complete="true"]').waitFor();
    await page.getByText("25 rows · 403 KiB read · 3 files, 12 skipped").waitFor();
    assert.equal(await page.getByRole("cell", { name: "NULL" }).count(), 4);
    await page.reload();
    await page.getByRole("cell", { name: "device-023" }).waitFor();
    assert.equal(await editor.inputValue(), "SELECT 1");
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "CSV" }).click()]);
    assert.match(download.suggestedFilename(), /^query-.*\.csv$/);
  });

  test("holds ten thousand rows, of which only those in sight are in the page, and says so", async () => {
    await page.goto(`${mock.url}/sql`);
    await page.getByLabel("SQL statement").fill("SELECT many");
    await page.getByRole("button", { name: "Run" }).click();
    await page.getByText(/The first 10.000 of 12.000 rows are shown/).waitFor();
    assert.ok((await page.locator(".result tbody tr").count()) < 100);
    await page.locator(".result .row-table").evaluate((box) => {
      box.scrollTop = box.scrollHeight;
    });
    await page.getByRole("cell", { name: "device-9998" }).waitFor();
  });

  test("shows what was wrong with a statement", async () => {
    await page.goto(`${mock.url}/sql`);
    await page.getByLabel("SQL statement").fill("selec 1");
    await page.getByRole("button", { name: "Run" }).click();
    await page.getByText('syntax error at or near "selec"').waitFor();
    await page.getByText("SQL_ERROR").waitFor();
  });

  test("cancels a statement that takes long", async () => {
    await page.goto(`${mock.url}/sql`);
    await page.getByLabel("SQL statement").fill("SELECT slow");
    await page.getByRole("button", { name: "Run" }).click();
    await page.locator('[data-state="RUNNING"]').waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.locator('[data-state="CANCELLED"]').waitFor();
  });

  test("leads from the history to a statement and its kept result, and hides what others than people asked", async () => {
    await page.goto(`${mock.url}/sql`);
    const history = page.getByRole("complementary", { name: "History" });
    await history.getByRole("link", { name: /SELECT device, sum/ }).click();
    await page.getByRole("cell", { name: "device-001" }).waitFor();
    assert.match(await page.getByLabel("SQL statement").inputValue(), /GROUP BY device/);
    assert.equal(await history.getByText("total_cost").count(), 0);
    await history.getByRole("link", { name: "All sources" }).click();
    await history.getByText("total_cost").waitFor();
  });

  test("says what a writing statement wrote and leads to the table", async () => {
    await page.goto(`${mock.url}/sql`);
    await page.getByLabel("SQL statement").fill("INSERT INTO x SELECT 1");
    await page.getByRole("button", { name: "Run" }).click();
    await page.getByText("42 rows written").waitFor();
    await page.getByRole("link", { name: "smart_hub.usage_enriched", exact: true }).click();
    await heading("usage_enriched").waitFor();
  });
});

describe("the catalog", () => {
  beforeEach(() => signIn(page, mock.url, KEY));

  test("leads from the tree to a table, its nested columns, partitions and snapshots, and to a query", async () => {
    await page.getByRole("link", { name: "Catalog", exact: true }).click();
    await page.getByLabel("Find a table").fill("device");
    await page.getByRole("complementary").getByRole("link", { name: /device_messages/ }).click();
    await heading("device_messages").waitFor();
    await page.getByRole("cell", { name: "humidity" }).waitFor();
    await page.getByText("map<string, double>").waitFor();
    await page.getByRole("row", { name: /_ingested_at system .*acknowledged/ }).waitFor();
    await page.goto(`${mock.url}/catalog/smart_hub/usage_enriched`);
    await page.getByRole("link", { name: "Partitions" }).click();
    await page.getByRole("cell", { name: "ts_utc_day" }).waitFor();
    await page.getByRole("link", { name: "Snapshots" }).click();
    await page.waitForURL(/tab=snapshots/);
    await page.getByRole("cell", { name: "5577006791947779410" }).waitFor();
    await page.getByRole("link", { name: "Query it" }).click();
    assert.match(await page.getByLabel("SQL statement").inputValue(), /FROM smart_hub\.usage_enriched/);
  });

  test("shows a database and a view's definition", async () => {
    await page.goto(`${mock.url}/catalog/smart_hub`);
    await page.getByText("Electricity usage of homes").waitFor();
    await page.getByRole("table").getByRole("link", { name: /homes/ }).click();
    await page.getByRole("link", { name: "Definition" }).click();
    await page.getByText("SELECT hash AS loc_id").waitFor();
  });
});

describe("runs", () => {
  beforeEach(() => signIn(page, mock.url, KEY));

  test("are filtered by pipeline and state, in the address", async () => {
    await page.getByRole("link", { name: "Runs", exact: true }).click();
    await page.getByLabel("State").selectOption("failed");
    await page.waitForURL(/state=failed/);
    await page.getByRole("link", { name: "nightly-export" }).click();
    await page.getByText("The check no_row_without_rate found 3 rows").waitFor();
    await page.getByText("3 rows lack a rate.").waitFor();
    await page.goto(`${mock.url}/runs/enrich`);
    await page.waitForURL(/\/runs\?pipeline=enrich/);
  });

  test("go on before one's eyes until they end", async () => {
    await page.goto(`${mock.url}/runs/enrich/01j2m`);
    await page.locator('[data-step="enrich"][data-state="RUNNING"]').waitFor();
    await page.locator('[data-step="check_rates"][data-state="SUCCEEDED"]').waitFor();
    await page.getByRole("button", { name: "Run again" }).waitFor();
  });
});

describe("alerts", () => {
  beforeEach(() => signIn(page, mock.url, KEY));

  test("are shown with their labels and value, and can be acknowledged", async () => {
    await page.getByRole("link", { name: "Alerts", exact: true }).click();
    const firing = page.locator('[data-state="FIRING"]');
    await firing.getByText("device=iot-device-01").waitFor();
    await firing.getByText("0.011925", { exact: true }).waitFor();
    await firing.getByRole("button", { name: "Acknowledge" }).click();
    await firing.getByText("admin,").waitFor();
    await page.getByText("OK", { exact: true }).first().click();
    await page.waitForURL(/state=ok/);
    await page.getByText("device=iot-device-02").waitFor();
  });

  test("have their changes, rules and deliveries at addresses of their own", async () => {
    for (const [view, text] of [["transitions", "Pending"], ["rules", "There is no table smart_hub.usage_raw"], ["deliveries", "HTTP 204"]]) {
      await page.goto(`${mock.url}/alerts?view=${view}`);
      await page.getByText(text).first().waitFor();
    }
  });
});

describe("the frame", () => {
  test("is usable by keyboard alone: the skip link comes first, then the pages", async () => {
    await signIn(page, mock.url, KEY);
    await page.reload();
    await heading("Dashboards").waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to content");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/dashboards\/.+/);
    await dashboardRendered(page);
  });

  test("follows the system's theme until one is chosen, and remembers the choice", async () => {
    await fresh({ dark: true });
    await signIn(page, mock.url, KEY);
    const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
    assert.equal(await theme(), "dark");
    await page.getByRole("button", { name: "Change to the light theme" }).click();
    assert.equal(await theme(), "light");
    await page.reload();
    await heading("Dashboards").waitFor();
    assert.equal(await theme(), "light");
  });

  test("fits on a phone: nothing is wider than the screen, the pages are behind a button", async () => {
    await fresh({ phone: true });
    await signIn(page, mock.url, KEY);
    for (const path of [`/dashboards/${DASHBOARD}`, "/sql?query=q-select", "/catalog/iot/device_messages", "/runs", "/runs/enrich/01hx2", "/alerts"]) {
      await page.goto(mock.url + path);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.waitForLoadState("networkidle");
      const widest = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(widest <= 390, `${path} is ${widest} pixels wide`);
    }
    await page.getByRole("button", { name: "Menu" }).click();
    await page.getByRole("link", { name: "Catalog", exact: true }).click();
    await heading("Catalog").waitFor();
    assert.equal(await page.getByRole("button", { name: "Menu" }).getAttribute("aria-expanded"), "false");
  });

  test("says so when there is no such page", async () => {
    await signIn(page, mock.url, KEY);
    await page.goto(`${mock.url}/nowhere`);
    await page.getByText("There is no such page").waitFor();
  });
});
