// Figures as a person reads them. English, like everything here, whatever the browser's language.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' });

export const count = (n) => whole.format(n);

/** Three digits that matter: 0.0123, 1.23, 12.3, 1,234. What is not finite is said, since it is the news. */
export function figure(n) {
  if (n === null || n === undefined) return '–';
  n = Number(n); // "NaN" and "Infinity" come as text
  if (!Number.isFinite(n)) return String(n);
  const size = Math.abs(n);
  if (n === 0) return '0';
  if (size >= 100) return whole.format(n);
  if (size < 0.001) return n.toExponential(1);
  return n.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

export function bytes(n) {
  if (!n) return '–';
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  while (n >= 1000 && unit < units.length - 1) { n /= 1000; unit += 1; }
  return `${figure(n)} ${units[unit]}`;
}

export function duration(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return '–';
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** A time of today without the day. */
export function time(iso) {
  const at = new Date(iso);
  return at.toDateString() === new Date().toDateString() ? clock.format(at) : day.format(at);
}

/** residentBytes → "Resident bytes". */
export function title(name) {
  const words = name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replaceAll('_', ' ').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Round numbers that divide a range into about so many parts. */
export function ticks(low, high, about) {
  const raw = (high - low) / Math.max(about, 1);
  if (!(raw > 0)) return { values: [low], decimals: 0 };
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw);
  const values = [];
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i += 1) values.push(i * step || 0); // never -0
  return { values, decimals: Math.max(0, -Math.floor(Math.log10(step * 1.0001))) };
}
