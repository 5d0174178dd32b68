// Sample grids: the newest one, and a slider over the earlier ones.
import { byId, say, set, swap } from './dom.js';
import { ask } from './api.js';
import { count } from './format.js';

const slider = byId('grid-slider');
const image = byId('grid');
let run = null;
let asked = null;
let steps = [];
let following = true;

export async function loadGrids(id) {
  asked = id;
  const grids = await ask(`/api/runs/${encodeURIComponent(id)}/grids`);
  if (asked !== id) return; // another run is looked at by now
  const shown = steps[Number(slider.value)];
  if (id !== run) following = true;
  run = id;
  steps = grids.map((grid) => grid.step);
  byId('samples-card').hidden = false;
  swap(byId('samples'), byId('samples-empty'), steps.length > 0);
  if (steps.length === 0) return;
  set(slider, 'max', steps.length - 1);
  show(following || !steps.includes(shown) ? steps.length - 1 : steps.indexOf(shown));
}

function show(index) {
  slider.value = index;
  const step = steps[index];
  following = index === steps.length - 1;
  say(byId('grid-step'), count(step));
  set(slider, 'aria-valuetext', `step ${count(step)}, ${index + 1} of ${steps.length}`);
  set(byId('grid-newest'), 'aria-pressed', String(following));
  set(byId('grid-before'), 'aria-disabled', index === 0 ? 'true' : null);
  set(byId('grid-after'), 'aria-disabled', following ? 'true' : null);
  image.alt = `Sample grid of ${run} after step ${count(step)}; one class a column`;
  set(image, 'src', `/api/runs/${encodeURIComponent(run)}/grids/${step}`);
}

const move = (by) => show(Math.min(Math.max(Number(slider.value) + by, 0), steps.length - 1));
slider.addEventListener('input', () => show(Number(slider.value)));
byId('grid-before').addEventListener('click', () => move(-1));
byId('grid-after').addEventListener('click', () => move(1));
byId('grid-newest').addEventListener('click', () => show(steps.length - 1));
