// Losses and figures of a run as charts: the whole run from the Coordinator, then a point for each new report.
import { byId } from './dom.js';
import { ask } from './api.js';
import { Chart } from './chart.js';
import { bytes, count, title } from './format.js';

const mostPoints = 2048; // then the Coordinator's thinner curve is fetched again
const shownElsewhere = ['discriminatorLoss', 'generatorLoss'];

const losses = new Chart('Losses', [{ name: 'discriminatorLoss', label: 'D' }, { name: 'generatorLoss', label: 'G' }]);
const speed = new Chart('Images a second', [{ name: 'imagesPerSecond', label: 'images/s' }], { format: count, fromZero: true });
const others = new Map();
byId('charts').append(losses.element, speed.element);

let curve = null;
let asked = null;

/** Fetches the run's curve; until it is there the charts stand as they are. */
export async function loadCurves(run) {
  asked = run;
  const history = await ask(`/api/runs/${encodeURIComponent(run)}/history`);
  if (asked !== run) return; // another run is looked at by now
  curve = { run, step: history.step, values: {
    discriminatorLoss: history.discriminatorLoss.map(Number), generatorLoss: history.generatorLoss.map(Number), imagesPerSecond: history.imagesPerSecond.map(Number),
  } };
  draw();
}

/** Fetches whatever else the run writes down, a chart each. */
export async function loadFigures(run) {
  const metrics = await ask(`/api/runs/${encodeURIComponent(run)}/metrics`);
  if (asked !== run) return;
  const names = Object.keys(metrics.series).filter((name) => !shownElsewhere.includes(name));
  for (const [name, chart] of others) {
    if (names.includes(name)) continue;
    chart.element.remove();
    others.delete(name);
  }
  byId('more-card').hidden = names.length === 0 || metrics.step.length === 0;
  for (const name of names) {
    if (!others.has(name)) {
      const chart = new Chart(title(name), [{ name, label: title(name) }], name.endsWith('Bytes') ? { format: bytes } : {});
      others.set(name, chart);
      byId('more').append(chart.element);
    }
    others.get(name).update(metrics.step, { [name]: metrics.series[name].map(Number) });
  }
}

/** Takes a report in. */
export function addReport(run) {
  if (curve?.run !== run.run || run.discriminatorLoss === null || run.state !== 'training') return;
  const last = curve.step.at(-1) ?? -1;
  if (run.step === last) return;
  if (run.step < last || curve.step.length >= mostPoints) {
    loadCurves(run.run).catch(() => {}); // asked again with the next report
    return;
  }
  curve.step.push(run.step);
  for (const [name, values] of Object.entries(curve.values)) values.push(Number(run[name]));
  draw();
}

export function redraw() {
  if (curve) draw();
}

function draw() {
  byId('charts-card').hidden = curve.step.length === 0;
  if (document.hidden) return; // drawn when somebody looks again
  losses.update(curve.step, curve.values);
  speed.update(curve.step, curve.values);
}
