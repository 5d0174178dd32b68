// What happened, in words, newest first.
import { byId, el, keyed, say } from './dom.js';
import { ask } from './api.js';
import { time } from './format.js';

const most = 300;
let job = null; // whose events are shown
let asked = null; // whose were asked for last
let events = [];

/** Fetches what is new of a run's events. */
export async function loadEvents(run) {
  asked = run;
  const news = await ask(`/api/runs/${encodeURIComponent(run)}/log?after=${run === job ? events.at(-1)?.sequence ?? 0 : 0}`);
  if (asked !== run) return; // another run is looked at by now
  const known = run === job ? events : [];
  const fresh = news.filter((event) => event.sequence > (known.at(-1)?.sequence ?? 0));
  events = [...known, ...fresh].slice(-most);
  byId('events-card').hidden = events.length === 0;
  keyed(byId('events'), events.toReversed(), (event) => `${run} ${event.sequence}`,
    (event) => el('li', { class: event.kind }, el('time', { datetime: event.time }), ' ', el('span', {}, event.text)),
    (item, event) => say(item.firstChild, time(event.time)));
  // Only what comes while somebody listens is read out, and not each file that is written.
  const newest = fresh.filter((event) => event.kind !== 'artifact').at(-1);
  if (run === job && newest) say(byId('announce'), newest.text);
  job = run;
}
