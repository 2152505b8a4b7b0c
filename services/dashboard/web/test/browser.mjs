// Helpers that drive the page in a browser, against the mock or a real server: open a browser, sign in, open a dashboard,
// hold the page to its promises. Chromium is Debian's; TARN_CHROMIUM names another one.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function openBrowser() {
  return chromium.launch({ executablePath: process.env.TARN_CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
}

// A page with a record of what must not happen: console errors and warnings, uncaught errors, requests to other hosts.
// Returns { page, context, record }.
export async function openPage(browser, baseUrl, { dark = false, phone = false } = {}) {
  const context = await browser.newContext({
    viewport: phone ? { width: 390, height: 844 } : { width: 1360, height: 900 },
    deviceScaleFactor: phone ? 2 : 1,
    isMobile: phone,
    hasTouch: phone,
    colorScheme: dark ? "dark" : "light",
    reducedMotion: "reduce",
    ignoreHTTPSErrors: true,
  });
  const page = await context.newPage();
  // Generous: the machine may be busy with everything else at once.
  page.setDefaultTimeout(60_000);
  const record = { console: [], foreign: [] };
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) record.console.push(`${message.type()}: ${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => record.console.push(`uncaught: ${error.message}`));
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== new URL(baseUrl).origin && protocol !== "data:" && protocol !== "blob:") record.foreign.push(request.url());
  });
  return { page, context, record };
}

// Fails when the console had an error or a warning, or a request left for another host. `expected` are patterns of messages
// that a test provokes on purpose, such as the browser's own word on a refused sign-in.
export function expectNoConsoleErrors(record, expected = []) {
  assert.deepEqual(record.console.filter((line) => !expected.some((pattern) => pattern.test(line))), [], "the console stays silent");
  assert.deepEqual(record.foreign, [], "no request leaves for another host");
}

// Signs in at the page's own form and waits for the dashboards.
export async function signIn(page, baseUrl, key) {
  await page.goto(`${baseUrl}/sign-in`);
  await page.getByLabel("Key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Dashboards", level: 1 }).waitFor();
}

// Opens a dashboard by its id with choices such as { home: "…", grain: "day" } and waits until every visual stands.
export async function openDashboard(page, baseUrl, id, choices = {}) {
  await page.goto(`${baseUrl}/dashboards/${id}?${new URLSearchParams(choices)}`);
  await dashboardRendered(page);
}

// Waits until the answer to the present choices is shown and its charts are drawn.
export async function dashboardRendered(page) {
  await page.waitForFunction(() => {
    const shown = document.querySelector("[data-rendered]");
    return shown?.dataset.rendered === "true" && shown.dataset.search === new URLSearchParams(location.search).toString();
  });
  await page.waitForFunction(() => [...document.querySelectorAll(".chart")].every((chart) => chart.dataset.drawn === "true"));
}

// The number that a figure shows, as it came from the server.
export async function figureValue(page, visualId) {
  return Number(await page.locator(`[data-visual="${visualId}"] [data-value]`).getAttribute("data-value"));
}

// Whether a chart's canvas has more than one colour: an empty canvas has not.
export async function chartHasInk(page, visualId) {
  return page.locator(`[data-visual="${visualId}"] canvas`).first().evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Set();
    for (let at = 0; at < data.length && colours.size < 4; at += 4) colours.add(`${data[at]},${data[at + 1]},${data[at + 2]},${data[at + 3]}`);
    return colours.size >= 3;
  });
}
