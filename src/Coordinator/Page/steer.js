// Orders: they ask for the key where one is needed, and say what came of them.
import { byId, say } from './dom.js';
import { ApiError, hasKey, order, useKey } from './api.js';

const dialog = byId('key-dialog');
const field = byId('key-value');
let keyRequired = false;
let settled = null; // what to do when the dialog is over: true if a key was given

export function setKeyRequired(required) {
  keyRequired = required;
  byId('key').hidden = !required;
  say(byId('key'), hasKey() ? 'API key ✓' : 'API key…');
}

/** Asks for the key; false if the user would rather not. */
function askKey(fault = '') {
  say(byId('key-fault'), fault);
  field.value = '';
  dialog.showModal();
  field.focus();
  return new Promise((resolve) => { settled = resolve; });
}

function settle(given) {
  const resolve = settled;
  settled = null;
  if (dialog.open) dialog.close();
  setKeyRequired(keyRequired);
  resolve?.(given);
}

byId('key').addEventListener('click', () => askKey());
byId('key-cancel').addEventListener('click', () => settle(false));
dialog.addEventListener('close', () => settle(false)); // Escape
byId('key-form').addEventListener('submit', (event) => {
  event.preventDefault();
  useKey(field.value.trim());
  field.value = '';
  settle(true);
});

/** Gives an order and says in `outcome` what came of it. A wrong key is asked for again. */
export async function give(path, outcome) {
  if (keyRequired && !hasKey() && !await askKey()) {
    say(outcome, 'Nothing was changed: the API key is needed.');
    return false;
  }
  for (;;) {
    try {
      const answer = await order(path);
      say(outcome, answer?.lines?.join(' ') ?? 'Done.');
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      say(outcome, error.message);
      if (error.status !== 401) return false;
      useKey(null);
      if (!await askKey(error.message)) return false;
    }
  }
}

/** A dialog that asks before something that cannot be taken back; true for yes. */
export function confirm(name) {
  const box = byId(`${name}-dialog`);
  return new Promise((resolve) => {
    const end = (yes) => {
      box.removeEventListener('close', no);
      if (box.open) box.close();
      resolve(yes);
    };
    const no = () => end(false);
    box.addEventListener('close', no);
    byId(`${name}-cancel`).onclick = no;
    byId(`${name}-form`).onsubmit = (event) => {
      event.preventDefault();
      end(true);
    };
    box.showModal();
  });
}
