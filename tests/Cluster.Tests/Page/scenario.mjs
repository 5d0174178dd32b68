// Looks at the live page of a training run as a person would, in Chromium. Told by environment variables, answers with one JSON object on the
// last line; the test beside it judges the figures. What is awaited is awaited by condition, with a deadline.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { TOOLS, CHROMIUM, URL: url, KEY: key, NODE_PID: nodePid, NODE_NAME: nodeName, COORDINATOR_PID: coordinatorPid, SHOTS: shots } = process.env;
const require = createRequire(`${TOOLS}/package.json`);
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const found = { faults: [], outside: [], axe: {}, seconds: {} };
const origin = new URL(url).origin;
let coordinatorAway = false;

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ['--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', ...(process.getuid() === 0 ? ['--no-sandbox'] : [])],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 1100 }, colorScheme: 'light', reducedMotion: 'reduce' });
page.setDefaultTimeout(20000);
page.on('pageerror', (error) => found.faults.push(String(error)));
page.on('console', (message) => {
  const refused = /status of 401|ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY|net::|status of 50|status of 404/.test(message.text());
  if (message.type() === 'error' && !(refused && (coordinatorAway || message.text().includes('401')))) found.faults.push(message.text());
});
page.on('request', (request) => { if (new URL(request.url()).origin !== origin) found.outside.push(request.url()); });

const text = (selector) => page.locator(selector).textContent();
const until = (condition, argument) => page.waitForFunction(condition, argument, { polling: 50 });
const step = async () => Number((await text('#run-steps')).split(' of ')[0].replaceAll(',', ''));
const state = (wanted) => until((value) => document.getElementById('run-state').textContent === value, wanted);
const shot = async (name, options = {}) => { if (shots) await page.screenshot({ path: `${shots}/${name}.png`, ...options }); };
const timed = async (name, work) => {
  const begun = performance.now();
  await work();
  found.seconds[name] = (performance.now() - begun) / 1000;
};

async function examine(name) {
  await page.evaluate(axe); // not a script element: the page's policy would, rightly, not run it
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  found.axe[name] = violations.map(({ id, impact, nodes }) => ({ id, impact, where: nodes.map((node) => node.target.join(' ')) }));
}

/** What the page shows, for whoever reads why the test failed. */
async function complain(error) {
  await shot('failed', { fullPage: true });
  const seen = await page.locator('body').innerText().catch(() => 'nothing');
  console.error(`${error.stack}\nAfter ${JSON.stringify(found.seconds)} the page shows:\n${seen}\nFaults: ${found.faults.join('; ')}`);
  process.exit(1);
}
process.on('uncaughtException', complain);
process.on('unhandledRejection', complain);

async function moves() {
  const before = await step();
  const path = await page.locator('.chart .line').first().getAttribute('d');
  await until(([was, d]) => Number(document.getElementById('run-steps').textContent.split(' of ')[0].replaceAll(',', '')) > was
    && document.querySelector('.chart .line').getAttribute('d') !== d, [before, path]);
}

// Charts move, and a new grid comes by itself.
await page.goto(url);
await state('training');
await until(() => document.querySelectorAll('#nodes tbody tr[data-state="training"]').length === 3);
await timed('chartMoves', moves);
await until(() => document.getElementById('grid').complete && document.getElementById('grid').naturalWidth > 0);
const grid = await page.locator('#grid').getAttribute('src');
await timed('gridChanges', () => until((was) => {
  const image = document.getElementById('grid');
  return image.getAttribute('src') !== was && image.complete && image.naturalWidth > 0;
}, grid));

// By keyboard: the slider goes to the grid before and stays there; the newest is a button away. A chart tells its values.
await page.locator('#grid-slider').focus();
const newest = Number((await text('#grid-step')).replaceAll(',', ''));
await page.keyboard.press('ArrowLeft');
found.earlierGrid = Number((await text('#grid-step')).replaceAll(',', '')) < newest;
await page.keyboard.press('Home');
found.firstGrid = await page.locator('#grid').getAttribute('src');
found.followsNoMore = await page.locator('#grid-newest').getAttribute('aria-pressed');
await page.locator('#grid-newest').click();
await page.locator('.plot').first().focus();
await page.keyboard.press('Home');
found.chartInWords = await page.locator('.plot').first().getAttribute('aria-valuetext');

// The first thing the Tab key comes to leads past everything else.
await page.evaluate(() => { document.activeElement.blur(); getSelection().removeAllRanges(); });
await page.goto(url);
await state('training');
await page.keyboard.press('Tab');
found.firstStop = await page.evaluate(() => document.activeElement.textContent);

// A pause needs the key: without it, and with a wrong one, nothing happens.
await page.locator('button[data-order="pause"]').click();
await page.locator('#key-cancel').click();
found.withoutKey = await text('#outcome');
await page.locator('button[data-order="pause"]').click();
await page.locator('#key-value').fill('this-is-not-the-right-key');
await page.keyboard.press('Enter');
await until(() => document.getElementById('key-fault').textContent !== '');
found.withWrongKey = await text('#key-fault');
found.stateWithoutKey = await text('#run-state');
await shot('key-dialog');
await page.locator('#key-value').fill(key);
await page.keyboard.press('Enter');
await timed('pauses', () => state('paused'));
found.outcome = await text('#outcome');
found.focusAfterPause = await page.evaluate(() => document.activeElement.dataset.order ?? document.activeElement.tagName);
const pausedAt = await step();
await examine('paused');
found.stoodStill = await step() === pausedAt;
await page.locator('button[data-order="resume"]').click();
await state('training');
await timed('goesOn', moves);

// A checkpoint on request, and a generation job that draws from it.
await page.locator('button[data-order="checkpoint"]').click();
await until(() => [...document.querySelectorAll('#events li span')].some((event) => event.textContent.startsWith('checkpoint of step') && !event.textContent.includes('00000000')));
const [{ folder }] = await (await fetch(`${origin}/api/runs`)).json();
await fetch(`${origin}/api/generations`, {
  method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` },
  body: JSON.stringify({ runFolder: folder, destination: `${folder}/images`, count: 40, seed: 1, nodes: 1, unitSize: 20 }),
});
await until(() => document.querySelector('#jobs .badge')?.textContent === 'finished');
found.job = await text('#jobs li');

// Light, dark, narrow.
await page.waitForLoadState();
await examine('light');
await shot('live-page-light', { fullPage: true });
await page.emulateMedia({ colorScheme: 'dark' });
await examine('dark');
await shot('live-page-dark', { fullPage: true });
await page.setViewportSize({ width: 360, height: 780 });
await page.emulateMedia({ colorScheme: 'light' });
await examine('phone');
found.scrollsSideways = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
await shot('live-page-phone', { fullPage: true });
await page.setViewportSize({ width: 1440, height: 1100 });

// A node is killed.
await timed('deathShows', async () => {
  process.kill(Number(nodePid), 'SIGKILL');
  await until((name) => {
    const row = [...document.querySelectorAll('#nodes tbody tr')].find((one) => one.dataset.key.startsWith(name));
    return ['gone', 'lost'].includes(row?.dataset.state);
  }, nodeName);
});
await until((name) => document.querySelector('#views tbody tr td:last-child').textContent.includes(name), nodeName);
await timed('goesOnWithout', moves);
await shot('node-lost', { fullPage: true });

// The Coordinator is killed; another one takes the run over, and the page finds it.
if (coordinatorPid) {
  coordinatorAway = true;
  process.kill(Number(coordinatorPid), 'SIGKILL');
  await until(() => document.getElementById('connection').dataset.state === 'lost');
  page.setDefaultTimeout(90000);
  await timed('reconnects', async () => {
    await until(() => document.getElementById('connection').dataset.state === 'live');
    await state('training');
    await moves();
  });
  coordinatorAway = false;
}

// The run is stopped, after a question. Its cluster ends with it.
coordinatorAway = true;
await page.locator('button[data-order="stop"]').click();
await page.locator('#stop-form button[type="submit"]').click();
if (coordinatorPid && await page.locator('#key-dialog[open]').count() > 0) found.faults.push('the key was asked for again');
await until(() => ['stopped', 'finished'].includes(document.getElementById('run-state').textContent));
found.end = await text('#run-said');
found.buttonsAfterTheEnd = await page.locator('#run-actions').isVisible();
await browser.close();
console.log(JSON.stringify(found));
