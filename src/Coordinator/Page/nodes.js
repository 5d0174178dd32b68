// Nodes and what they do, those too that were here a moment ago.
import { byId, keyed, row, say, set, swap } from './dom.js';
import { bytes, count, figure, time } from './format.js';

const titles = ['Node', 'State', 'Device', 'Shards', 'Step', 'Images/s', 'Memory'];
const keptForMs = 10 * 60 * 1000;
const gone = new Map(); // nodes that are not in the cluster any more
let known = [];

export function showNodes(nodes) {
  for (const node of known) {
    if (!nodes.some((here) => here.node === node.node)) gone.set(node.node, { ...node, state: 'gone', since: Date.now() });
  }
  for (const node of nodes) gone.delete(node.node);
  for (const [name, node] of gone) if (Date.now() - node.since > keptForMs) gone.delete(name);
  known = nodes;

  const all = [...nodes, ...gone.values()].sort((a, b) => (a.node < b.node ? -1 : 1));
  swap(byId('nodes'), byId('nodes-empty'), all.length > 0);
  keyed(byId('nodes').tBodies[0], all, (node) => node.node, () => row(titles, [4, 5, 6]), (line, node) => {
    const here = node.state !== 'gone';
    const [name, state, device, shards, step, speed, memory] = line.cells;
    set(line, 'data-state', node.state);
    say(name, node.node);
    set(name, 'title', `${node.data}, process ${node.processId}`);
    say(state, here ? node.state + (node.drainedBy ? ` (by ${node.drainedBy})` : '') : `gone since ${time(node.since)}`);
    say(device, [...new Set(node.devices)].map((one) => (node.devices.filter((other) => other === one).length > 1 ? `${one} ×${node.devices.filter((other) => other === one).length}` : one)).join(', ')
      + (node.threadsPerReplica > 1 ? `, ${node.threadsPerReplica} threads` : ''));
    const member = here ? node.member : null;
    say(shards, member?.shardCount ? (member.shardCount === 1 ? `${member.firstShard}` : `${member.firstShard}–${member.firstShard + member.shardCount - 1}`) : '–');
    say(step, member ? count(member.step) : '–');
    say(speed, member?.imagesPerSecond ? figure(member.imagesPerSecond) : '–');
    say(memory, member ? bytes(member.residentBytes) : '–');
  });
}
