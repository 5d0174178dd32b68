// A line chart in SVG: some series over the steps, a cursor for mouse, finger and keyboard, and its values in words.
import { el, set, say } from './dom.js';
import { figure, count, ticks } from './format.js';

const height = 200;
const margin = { top: 10, right: 12, bottom: 24, left: 48 };

export class Chart {
  /**
   * @param title what it shows
   * @param series [{ name, label }], of which the first two have colours of their own
   * @param options format: how a value is written; fromZero: the axis begins there
   */
  constructor(title, series, { format = figure, fromZero = false } = {}) {
    this.fromZero = fromZero;
    this.series = series;
    this.format = format;
    this.steps = [];
    this.values = {};
    this.width = 0;
    this.picked = null; // index under the cursor; null for the newest

    this.readout = el('span', { class: 'readout' });
    const legend = series.length === 1 ? null : el('span', { class: 'legend' }, ...series.map((one, i) => el('span', { class: `key s${i}` }, one.label)));
    this.frame = el('g');
    this.lines = series.map((_, i) => el('path', { class: `line s${i}`, fill: 'none' }));
    this.cursor = el('line', { class: 'cursor', y1: margin.top, y2: height - margin.bottom, visibility: 'hidden' });
    this.dots = series.map((_, i) => el('circle', { class: `dot s${i}`, r: 3.5, visibility: 'hidden' }));
    this.svg = el('svg', { height, 'aria-hidden': 'true', focusable: 'false' }, this.frame, ...this.lines, this.cursor, ...this.dots);
    this.plot = el('div', { class: 'plot', role: 'slider', tabindex: 0, 'aria-label': `${title} by step`, 'aria-valuemin': 0, 'aria-valuemax': 0, 'aria-valuenow': 0 }, this.svg);
    const caption = el('figcaption', {}, el('strong', {}, title), legend, this.readout);
    this.element = el('figure', { class: 'chart' }, caption, this.plot);

    new ResizeObserver(([entry]) => {
      this.width = Math.floor(entry.contentRect.width);
      this.draw();
    }).observe(this.plot);
    this.plot.addEventListener('pointermove', (event) => this.pick(this.nearest(event.clientX)));
    this.plot.addEventListener('pointerleave', () => this.pick(null));
    this.plot.addEventListener('blur', () => this.pick(null));
    this.plot.addEventListener('keydown', (event) => this.press(event));
  }

  /** @param values an array as long as steps for each series' name; NaN leaves a gap. */
  update(steps, values) {
    this.steps = steps;
    this.values = values;
    if (this.picked !== null && this.picked >= steps.length) this.picked = null;
    this.draw();
  }

  draw() {
    const last = this.steps.length - 1;
    if (this.width === 0 || last < 0) return;
    set(this.svg, 'width', this.width);
    const [low, high] = this.range();
    const from = this.steps[0];
    const to = Math.max(this.steps[last], from + 1);
    this.x = (step) => margin.left + (step - from) / (to - from) * (this.width - margin.left - margin.right);
    this.y = (value) => height - margin.bottom - (value - low) / (high - low) * (height - margin.top - margin.bottom);

    const axis = [];
    const upright = ticks(low, high, 6);
    const label = (tick) => (this.format === figure && Math.abs(tick) < 1000 ? tick.toFixed(upright.decimals) : this.format(tick));
    for (const tick of upright.values) {
      const y = this.y(tick).toFixed(1);
      axis.push(el('line', { class: 'rule', x1: margin.left, x2: this.width - margin.right, y1: y, y2: y }));
      axis.push(el('text', { class: 'tick', x: margin.left - 6, y, dy: '0.32em', 'text-anchor': 'end' }, label(tick)));
    }
    for (const tick of ticks(from, to, this.width / 110).values.filter(Number.isInteger)) {
      axis.push(el('text', { class: 'tick', x: this.x(tick).toFixed(1), y: height - 6, 'text-anchor': 'middle' }, count(tick)));
    }
    this.frame.replaceChildren(...axis);
    this.series.forEach((one, i) => set(this.lines[i], 'd', this.path(this.values[one.name])));
    this.point();
  }

  /** All finite values, with some air; never empty. */
  range() {
    let low = Infinity;
    let high = -Infinity;
    for (const one of this.series) {
      for (const value of this.values[one.name] ?? []) {
        if (!Number.isFinite(value)) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    if (low > high) return [0, 1];
    if (this.fromZero) low = Math.min(low, 0);
    const air = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
    return [low >= 0 && low - air < 0 ? 0 : low - air, high + air];
  }

  path(values = []) {
    let d = '';
    let pen = false;
    values.forEach((value, i) => {
      if (Number.isFinite(value)) {
        const to = `${this.x(this.steps[i]).toFixed(1)} ${this.y(value).toFixed(1)}`;
        d += pen ? `L${to}` : `M${to}h0`; // a line of no length: a value among gaps is a dot
      }
      pen = Number.isFinite(value);
    });
    return d;
  }

  nearest(clientX) {
    if (!this.x) return null;
    const at = clientX - this.plot.getBoundingClientRect().left;
    let best = 0;
    for (let i = 1; i < this.steps.length; i += 1) {
      if (Math.abs(this.x(this.steps[i]) - at) < Math.abs(this.x(this.steps[best]) - at)) best = i;
    }
    return best;
  }

  press(event) {
    const last = this.steps.length - 1;
    const now = this.picked ?? last;
    const far = Math.max(1, Math.round(last / 10));
    const to = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, PageDown: now - far, PageUp: now + far, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.pick(Math.min(Math.max(to, 0), last));
  }

  pick(index) {
    this.picked = index;
    this.point();
  }

  /** The cursor, and the values at it, or the newest. */
  point() {
    const last = this.steps.length - 1;
    if (last < 0 || !this.x) return;
    const at = this.picked ?? last;
    const x = this.x(this.steps[at]).toFixed(1);
    set(this.cursor, 'x1', x);
    set(this.cursor, 'x2', x);
    set(this.cursor, 'visibility', this.picked === null ? 'hidden' : 'visible');
    const parts = this.series.map((one, i) => {
      const value = this.values[one.name]?.[at];
      set(this.dots[i], 'visibility', this.picked === null || !Number.isFinite(value) ? 'hidden' : 'visible');
      if (Number.isFinite(value)) {
        set(this.dots[i], 'cx', x);
        set(this.dots[i], 'cy', this.y(value).toFixed(1));
      }
      return this.series.length === 1 ? this.format(value) : `${one.label} ${this.format(value)}`;
    });
    const words = `step ${count(this.steps[at])}: ${parts.join(', ')}`;
    say(this.readout, words);
    set(this.plot, 'aria-valuemin', this.steps[0]);
    set(this.plot, 'aria-valuemax', this.steps[last]);
    set(this.plot, 'aria-valuenow', this.steps[at]);
    set(this.plot, 'aria-valuetext', words);
  }
}
