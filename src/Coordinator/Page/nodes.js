// Nodes and what they do, those too that were here a moment ago.
import { byId, keyed, row, say, set, swap } from './dom.js';
import { bytes, count, figure, time } from './format.js';

const titles = ['Node', 'State', 'Device', 'Shards', 'Step', 'Images/s', 'Memory'];
const keptForMs = 10 * 60 * 1000;
const gone = new Map(); // nodes that are not in the cluster any more
let known = [];

/** cpu, cpu → "cpu ×2"; threads where a replica has several. */
function devices(node) {
  const times = new Map();
  for (const device of node.devices) times.set(device, (times.get(device) ?? 0) + 1);
  const names = [...times].map(([device, n]) => (n > 1 ? `${device} ×${n}` : device));
  return names.join(', ') + (node.threadsPerReplica > 1 ? `, ${node.threadsPerReplica} threads` : '');
}

/** Shards 2 to 4 → "2–4". */
function range(member) {
  if (!member?.shardCount) return '–';
  return member.shardCount === 1 ? `${member.firstShard}` : `${member.firstShard}–${member.firstShard + member.shardCount - 1}`;
}

export function showNodes(nodes) {
  for (const node of known) {
    if (!nodes.some((here) => here.node === node.node)) gone.set(node.node, { ...node, state: 'gone', since: Date.now() });
  }
  for (const node of nodes) gone.delete(node.node);
  for (const [name, node] of gone) if (Date.now() - node.since > keptForMs) gone.delete(name);
  known = nodes;

  const all = [...nodes, ...gone.values()].sort((a, b) => a.node.localeCompare(b.node, 'en', { numeric: true }));
  swap(byId('nodes'), byId('nodes-empty'), all.length > 0);
  keyed(byId('nodes').tBodies[0], all, (node) => node.node, () => row(titles, [4, 5, 6]), (line, node) => {
    const here = node.state !== 'gone';
    const [name, state, device, shards, step, speed, memory] = line.cells;
    set(line, 'data-state', node.state);
    say(name, node.node);
    set(name, 'title', `${node.dataAddress}, process ${node.processId}`);
    say(state, here ? node.state + (node.drainedBy ? ` (by ${node.drainedBy})` : '') + (node.unreachable ? ' (unreachable)' : '') : `gone since ${time(node.since)}`);
    say(device, devices(node));
    const member = here ? node.member : null;
    say(shards, range(member));
    say(step, member?.step ? count(member.step) : '–'); // most members report seldom
    say(speed, member?.imagesPerSecond ? figure(member.imagesPerSecond) : '–');
    say(memory, member ? bytes(member.residentBytes) : '–');
  });
}
