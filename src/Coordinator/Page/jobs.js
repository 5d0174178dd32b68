// Generation jobs.
import { byId, el, keyed, say, set } from './dom.js';
import { count, figure } from './format.js';

export function showJobs(jobs) {
  byId('jobs-empty').hidden = jobs.length > 0;
  keyed(byId('jobs'), jobs, (job) => job.job,
    (job) => el('li', {}, el('span', { class: 'name' }, job.job), el('span', { class: 'badge' }), el('progress', { 'aria-label': `Images of ${job.job}` }), el('span', { class: 'small' }), el('span', { class: 'small' })),
    (item, job) => {
      const [, state, progress, images, where] = item.children;
      say(state, job.state);
      set(state, 'data-state', job.state);
      set(progress, 'max', job.count);
      set(progress, 'value', job.images);
      say(images, `${count(job.images)} of ${count(job.count)} images${job.isOver ? '' : `, ${figure(job.imagesPerSecond)} a second`}`);
      say(where, job.state === 'failed' ? job.text : job.destination);
    });
}
