// The live page: the cluster's state comes as server-sent events; what does not fit in there is asked for when it has changed.
import { byId, say, set } from './dom.js';
import { ask, follow, unreachable } from './api.js';
import { addReport, loadCurves, loadFigures, redraw } from './curves.js';
import { loadEvents } from './events.js';
import { time } from './format.js';
import { showJobs } from './jobs.js';
import { showNodes } from './nodes.js';
import { showRun, showRuns } from './run.js';
import { loadGrids } from './samples.js';
import { setKeyRequired } from './steer.js';
import { showViews } from './views.js';

const figuresEveryMs = 10000;

let cluster = null;
let wanted = named();
let seen = {}; // of the run that is shown: what its details were fetched for
let lostAt = null;

/** The run that the address names; nothing if it is spoilt. */
function named() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return '';
  }
}

function selected() {
  return cluster?.runs.find((run) => run.run === wanted) ?? cluster?.runs[0] ?? null; // newest first
}

function show() {
  const run = selected();
  setKeyRequired(cluster.keyRequired);
  say(byId('where'), `Coordinator ${location.host}, version ${cluster.version}`);
  showRuns(cluster.runs, run?.run);
  showJobs(cluster.generations);
  showNodes(cluster.nodes);
  if (!run) { // none yet, or a Coordinator that knows nothing of those before
    for (const id of ['run', 'charts-card', 'samples-card', 'views-card', 'more-card', 'events-card']) byId(id).hidden = true;
    document.title = 'Ganymede';
    seen = {};
    return;
  }
  showRun(run);
  addReport(run);
  document.title = `${run.state === 'training' ? `${(100 * run.step / run.steps).toFixed(0)} %` : run.state} ${run.run} – Ganymede`;
  bringDetails(run, cluster.lastEvents[run.run] ?? 0).catch((error) => {
    if (error.status !== unreachable) say(byId('run-said'), error.message); // else the connection's own mark says it, and this how the run ended
  });
}

/** Fetches what the state only hints at: a new event, a new view, another run. */
async function bringDetails(run, lastEvent) {
  const before = seen;
  seen = { run: run.run, lastEvent, view: run.view, state: run.state, figuresAt: before.run === run.run ? before.figuresAt : 0 };
  const other = before.run !== run.run;
  const work = [];
  if (other) work.push(loadCurves(run.run));
  if (other || before.lastEvent !== lastEvent) work.push(loadEvents(run.run), loadGrids(run.run));
  if (other || before.view !== run.view) work.push(ask(`/api/runs/${encodeURIComponent(run.run)}`).then((details) => { if (seen.run === run.run) showViews(details.views); }));
  if (other || (!run.isOver && !document.hidden && Date.now() - seen.figuresAt > figuresEveryMs) || (run.isOver && before.state !== run.state)) {
    seen.figuresAt = Date.now();
    work.push(loadFigures(run.run));
  }
  try {
    await Promise.all(work);
  } catch (error) {
    if (seen.run === run.run) seen = {}; // once more with the next state
    throw error;
  }
}

function onState(state) {
  cluster = state;
  show();
}

function onConnection(what) {
  const pill = byId('connection');
  set(pill, 'data-state', what);
  if (what === 'live') {
    say(pill, 'Live');
    lostAt = null;
    seen = {}; // another Coordinator may have taken over: ask for everything anew
  } else {
    lostAt ??= Date.now();
    say(pill, `Reconnecting; last heard ${time(lostAt)}`);
  }
  set(byId('main'), 'data-stale', what !== 'live');
}

addEventListener('hashchange', () => {
  const name = named();
  if (!cluster?.runs.some((run) => run.run === name)) return; // #run, the skip link's
  wanted = name;
  show();
  byId('run').focus({ preventScroll: true });
});
document.addEventListener('visibilitychange', () => {
  if (document.hidden || !cluster) return;
  redraw();
  show();
});
follow(onState, onConnection);
