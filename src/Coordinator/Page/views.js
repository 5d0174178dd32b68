// Who trained when, and why that changed.
import { byId, keyed, row, say } from './dom.js';
import { count, time } from './format.js';

const titles = ['View', 'Time', 'From', 'Members and shards', 'Why'];

/** "node: 2..4" as it is said elsewhere on the page. */
const shards = (member) => member.replace(/(\d+)\.\.(\d+)$/, (_, first, last) => (first === last ? first : `${first}–${last}`));

export function showViews(views) {
  byId('views-card').hidden = views.length === 0;
  const newestFirst = [...views].sort((a, b) => b.number - a.number).slice(0, 100);
  keyed(byId('views').tBodies[0], newestFirst, (view) => view.number, () => row(titles), (line, view) => {
    const [number, at, from, members, why] = line.cells;
    say(number, String(view.number));
    say(at, time(view.time));
    say(from, `step ${count(view.step)}${view.phase === 'G' ? ', phase G' : ''}`);
    say(members, view.members.map(shards).join(', '));
    say(why, view.reason);
  });
}
