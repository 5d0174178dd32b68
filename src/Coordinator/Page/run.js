// The run that is looked at: its state, how far it is, and the buttons that steer it.
import { byId, el, keyed, say, set } from './dom.js';
import { count, duration, figure, time } from './format.js';
import { confirm, give } from './steer.js';

const possible = {
  pause: ['training'],
  resume: ['pausing', 'paused'],
  checkpoint: ['training'],
  stop: ['packing', 'gathering', 'preparing', 'training', 'pausing', 'paused', 'taking over'],
};

let current = null;

for (const button of byId('run-actions').querySelectorAll('button')) {
  button.addEventListener('click', async () => {
    if (button.getAttribute('aria-disabled') || button.getAttribute('aria-busy')) return;
    const { order } = button.dataset;
    const run = current.run; // the one the user meant, whatever comes meanwhile
    if (order === 'stop' && !await confirm('stop')) return;
    set(button, 'aria-busy', 'true');
    await give(`/api/runs/${encodeURIComponent(run)}/${order}`, byId('outcome'));
    set(button, 'aria-busy', null);
  });
}

export function showRun(run) {
  if (current?.run !== run.run) say(byId('outcome'), '');
  current = run;
  byId('run').hidden = false;
  say(byId('run-title'), run.run);
  say(byId('run-state'), run.state);
  set(byId('run-state'), 'data-state', run.state);
  say(byId('run-facts'), [
    run.preset, run.data, `batch ${count(run.batch)} in ${run.shards} shards`, Number.isSafeInteger(run.seed) ? `seed ${run.seed}` : 'a large seed', `begun ${time(run.begun)}`, run.folder,
  ].join(' · '));

  const progress = byId('run-progress');
  set(progress, 'max', run.steps);
  set(progress, 'value', run.step);
  say(byId('run-steps'), `${count(run.step)} of ${count(run.steps)} steps, ${(100 * run.step / run.steps).toFixed(1)} %`);
  const trains = run.state === 'training';
  keyed(byId('run-figures'), [
    ['D loss', figure(run.discriminatorLoss)],
    ['G loss', figure(run.generatorLoss)],
    ['Images/s', trains ? figure(run.imagesPerSecond) : '–'],
    ['Steps/s', trains ? figure(run.stepsPerSecond) : '–'],
    ['Time left', trains && run.stepsPerSecond > 0 ? duration(run.secondsLeft) : '–'],
    ['View', run.view || '–'],
  ], ([name]) => name, ([name]) => el('div', {}, el('dt', {}, name), el('dd')), (cell, [, value]) => say(cell.lastChild, String(value)));
  say(byId('run-said'), trains ? '' : run.text); // while it trains, events and figures say it better

  byId('run-actions').hidden = run.isOver;
  for (const button of byId('run-actions').querySelectorAll('button')) {
    // Not "disabled": the button that was just pressed would lose the focus.
    set(button, 'aria-disabled', possible[button.dataset.order].includes(run.state) ? null : 'true');
  }
}

/** The list of runs to choose from. */
export function showRuns(runs, selected) {
  byId('runs-empty').hidden = runs.length > 0;
  keyed(byId('runs'), runs, (run) => run.run,
    (run) => el('li', {}, el('a', { href: `#${encodeURIComponent(run.run)}` }, el('span', { class: 'name' }, run.run), el('span', { class: 'badge' }), el('span', { class: 'small' }))),
    (item, run) => {
      const [link] = item.children;
      set(link, 'aria-current', run.run === selected ? 'true' : null);
      say(link.children[1], run.state);
      set(link.children[1], 'data-state', run.state);
      say(link.children[2], `${count(run.step)} / ${count(run.steps)} steps`);
    });
}
