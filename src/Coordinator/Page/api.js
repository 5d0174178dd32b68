// Talking to the Coordinator: its state as it changes, questions, and orders with the key.

const retryAfterMs = [1000, 2000, 4000, 8000];
const silenceMs = 40000; // it says something every 15 s at least

/** Status of an {@link ApiError} where there was no answer at all. */
export const unreachable = 0;

let key = null;

export const hasKey = () => key !== null;
export const useKey = (value) => { key = value; };

/** What was refused or could not be had, in the Coordinator's own words. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function answer(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, credentials: 'omit', cache: 'no-store', signal: AbortSignal.timeout(20000) });
  } catch (error) {
    if (error.name === 'TimeoutError') throw new ApiError(504, 'The Coordinator has not answered within 20 s.');
    throw new ApiError(unreachable, 'The Coordinator cannot be reached.');
  }
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, body?.detail ?? `The Coordinator answered ${response.status}.`);
  return body;
}

export const ask = (path) => answer(path, {});

export const order = (path) => answer(path, { method: 'POST', headers: key === null ? {} : { Authorization: `Bearer ${key}` } });

/**
 * Follows the cluster's state for ever: a lost connection is made anew, and so is one that has fallen silent.
 * @param onState a new state
 * @param onConnection 'live' (ask again for all else: something may have been missed) or 'lost'
 */
export function follow(onState, onConnection) {
  let source = null;
  let heard = Date.now();
  let failures = 0;
  let timer = null;

  function open() {
    source?.close();
    clearTimeout(timer);
    heard = Date.now();
    source = new EventSource('/api/cluster/events');
    source.addEventListener('open', () => {
      heard = Date.now();
      failures = 0;
      onConnection('live');
    });
    source.addEventListener('cluster', (event) => {
      heard = Date.now();
      onState(JSON.parse(event.data));
    });
    source.addEventListener('error', lost);
  }

  function lost() {
    heard = Date.now(); // silence counts from the next try
    onConnection('lost');
    source.close(); // browsers differ in whether and when they try again: we do
    clearTimeout(timer);
    timer = setTimeout(open, retryAfterMs[Math.min(failures, retryAfterMs.length - 1)]);
    failures += 1;
  }

  setInterval(() => { if (Date.now() - heard > silenceMs) lost(); }, 5000);
  addEventListener('online', open);
  open();
}
