/* A piano-roll to work on: it stands still, is as wide as it has to be, and a part of it is seen.

   What happens on it is told to `on`: note(index), bars(first, last), cell(step, pitch, steps). What is marked on it is
   set from outside: bars, tracks, locks, fresh, pointed, pen. */

import { colourOf, DARK, drawLanes, style, surface } from "./roll.js";
import { $ } from "./server.js";

const RULER = 24; // px; below it are the notes
const LEAST_BAR = 84; // px
const BARS_SEEN = 8;
const DRAG = 6; // px, from which on it is no click
const NEAR = { mouse: 2, pen: 4, touch: 9 }; // px beside a note that still hit it
export const STEPS = 16; // to a bar, where one draws

export class Sheet {
  constructor(on) {
    this.on = on;
    [this.frame, this.length, this.canvas] = [$("sheet"), $("sheet-length"), $("sheet-canvas")];
    this.view = null;
    this.time = null; // of the cursor
    this.forget();
    new ResizeObserver(() => this.layOut()).observe(this.frame);
    DARK.addEventListener("change", () => this.draw());
    this.frame.addEventListener("scroll", () => this.draw());
    this.length.addEventListener("pointerdown", (event) => this.press(event));
    this.length.addEventListener("pointermove", (event) => this.drag(event));
    this.length.addEventListener("pointerup", (event) => this.release(event));
    this.length.addEventListener("pointercancel", () => { this.pressed = null; this.draw(); });
  }

  forget() {
    this.bars = new Set(); // marked, counted from 0
    this.tracks = new Set();
    this.locks = new Set(); // notes that stay, by index
    this.fresh = null; // the notes of a take that are new; null where no take is shown
    this.pointed = null; // the note that the keyboard is at
    this.pen = null; // {step, pitch, steps}, where one draws
    this.pressed = null;
  }

  show(view, range) {
    this.view = view;
    const pitches = view.notes.map((note) => note[2]);
    const [low, high] = pitches.length ? [Math.min(...pitches), Math.max(...pitches)] : [60, 72];
    const middle = (low + high) / 2;
    const half = Math.max(14, (high - low) / 2 + 2);
    [this.low, this.high] = range ?? [Math.floor(middle - half), Math.ceil(middle + half)];
    const { bars } = view;
    const last = bars.length > 1 ? bars.at(-1) - bars.at(-2) : 2;
    this.end = Math.max(view.seconds, bars.at(-1) + last);
    this.layOut();
  }

  layOut() {
    if (!this.view || !this.frame.clientWidth) return;
    const bar = Math.max(LEAST_BAR, this.frame.clientWidth / Math.min(BARS_SEEN, this.view.bars.length));
    this.scale = bar / (this.end / this.view.bars.length); // px per second
    this.length.style.width = `${Math.ceil(this.end * this.scale)}px`;
    this.canvas.style.width = `${this.frame.clientWidth}px`;
    this.draw();
  }

  /* ---- what is where ---- */

  barAt(seconds) {
    const { bars } = this.view;
    let bar = 0;
    while (bar + 1 < bars.length && bars[bar + 1] <= seconds + 0.002) bar += 1;
    return bar;
  }

  barEnd(bar) { return this.view.bars[bar + 1] ?? this.end; }

  isFree(note, index) {
    if (!this.bars.size && !this.tracks.size) return false;
    return (!this.bars.size || this.bars.has(this.barAt(note[0]))) && (!this.tracks.size || this.tracks.has(note[3])) && !this.locks.has(index);
  }

  get step() { return (this.canvas.getBoundingClientRect().height - RULER) / (this.high - this.low); }

  /* Seconds and pitch under a pointer. */
  place(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    const seconds = Math.min(this.end - 0.001, Math.max(0, (event.clientX - left + this.frame.scrollLeft) / this.scale));
    return { seconds, pitch: this.high - 1 - Math.floor((event.clientY - top - RULER) / this.step), inRuler: event.clientY - top < RULER };
  }

  /* The note under a pointer, or near it; -1 for none. */
  noteAt(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - left + this.frame.scrollLeft, event.clientY - top];
    const near = NEAR[event.pointerType] ?? NEAR.mouse;
    let best = -1;
    let least = near;
    this.view.notes.forEach(([onset, duration, pitch], index) => {
      const above = RULER + (this.high - 1 - pitch) * this.step;
      const away = Math.max(onset * this.scale - x, x - (onset + duration) * this.scale, above - y, y - above - this.step, 0);
      if (away <= least) [best, least] = [index, away];
    });
    return best;
  }

  /* ---- pointing ---- */

  press(event) {
    if (event.button !== 0 || !this.view) return;
    const place = this.place(event);
    this.pressed = { x: event.clientX, y: event.clientY, place, last: place, moved: false, scrolls: event.pointerType === "touch" && !place.inRuler };
    if (!this.pressed.scrolls) this.length.setPointerCapture(event.pointerId);
  }

  drag(event) {
    const { pressed } = this;
    if (!pressed || pressed.scrolls) return;
    if (Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > DRAG) pressed.moved = true;
    pressed.last = this.place(event);
    if (pressed.moved && !this.pen) this.on.bars(...this.span(pressed), false);
    else if (pressed.moved) this.draw();
  }

  release(event) {
    const { pressed } = this;
    this.pressed = null;
    if (!pressed) return;
    const index = pressed.place.inRuler || pressed.moved ? -1 : this.noteAt(event);
    if (index >= 0) this.on.note(index);
    else if (!this.pen) this.on.bars(...this.span(pressed), !pressed.moved);
    else if (!pressed.place.inRuler) this.on.cell(this.drawn(pressed));
    this.draw();
  }

  span({ place, last }) {
    const ends = [this.barAt(place.seconds), this.barAt(last.seconds)];
    return [Math.min(...ends), Math.max(...ends)];
  }

  /* The note that is being drawn: from where the pointer was pressed to where it is. */
  drawn({ place, last, moved }) {
    const steps = (seconds) => Math.floor((seconds / this.end) * this.view.bars.length * STEPS + 1e-6);
    const step = steps(place.seconds);
    return { step, pitch: place.pitch, steps: moved ? Math.max(1, steps(last.seconds) - step + 1) : this.pen.steps };
  }

  /* ---- drawing ---- */

  /* Let a time be seen. */
  follow(seconds) {
    const x = seconds * this.scale - this.frame.scrollLeft;
    if (x < 0 || x > this.frame.clientWidth - 24) this.frame.scrollLeft = seconds * this.scale - this.frame.clientWidth * 0.15;
  }

  draw() {
    if (!this.view || !this.frame.clientWidth) return;
    const [context, width, height] = surface(this.canvas);
    context.save();
    context.translate(0, RULER);
    drawLanes(context, width, height - RULER, this.low, this.high);
    context.restore();
    const x = (seconds) => seconds * this.scale - this.frame.scrollLeft;
    this.drawBars(context, x, width, height);
    this.view.notes.forEach((note, index) => this.drawNote(context, x, width, note, index));
    if (this.pen) this.drawPen(context, x);
    if (this.time !== null) {
      context.fillStyle = style("--cursor");
      context.fillRect(x(this.time), 0, 1.5, height);
    }
  }

  drawBars(context, x, width, height) {
    context.font = "12px system-ui, sans-serif";
    context.lineWidth = 1;
    this.view.bars.forEach((onset, bar) => {
      const [left, right] = [Math.round(x(onset)), Math.round(x(this.barEnd(bar)))];
      if (right < 0 || left > width) return;
      if (this.bars.has(bar)) {
        context.fillStyle = style("--accent");
        context.globalAlpha = 0.16;
        context.fillRect(left, 0, right - left, height);
        context.globalAlpha = 1;
        context.fillRect(left, RULER - 3, right - left, 3);
      }
      context.strokeStyle = style("--line");
      context.beginPath();
      for (let beat = 0; beat < (this.pen ? 4 : 1); beat++) {
        const at = Math.round(left + (beat * (right - left)) / 4) + 0.5;
        context.moveTo(at, beat ? RULER : 0);
        context.lineTo(at, height);
      }
      context.stroke();
      context.fillStyle = style("--quiet");
      context.fillText(String(bar + 1), left + 5, 15);
    });
  }

  drawNote(context, x, width, note, index) {
    const [onset, duration, pitch, track] = note;
    const left = x(onset);
    const wide = Math.max(3, x(onset + duration) - left - 1);
    if (left > width || left + wide < 0) return;
    const box = [left, RULER + (this.high - 1 - pitch) * this.step + 0.5, wide, Math.max(3, this.step - 1)];
    const free = !this.fresh && this.isFree(note, index);
    context.fillStyle = context.strokeStyle = colourOf(this.view, track);
    context.globalAlpha = this.fresh ? (this.fresh.has(index) ? 1 : 0.35) : free ? 0.2 : 0.85;
    context.beginPath();
    context.roundRect(...box, Math.min(3, this.step / 2));
    context.fill();
    context.globalAlpha = 1;
    context.lineWidth = 1.25;
    if (free) context.stroke();
    if (this.locks.has(index)) {
      // a pin through it, so that it is told by more than colour
      context.strokeStyle = context.fillStyle = style("--ink");
      context.lineWidth = 2;
      context.stroke();
      context.fillRect(left + 2, box[1] + box[3] / 2 - 1.5, 4, 3);
    }
    if (this.pointed === index) {
      context.strokeStyle = style("--ink");
      context.lineWidth = 1.5;
      context.setLineDash([3, 2]);
      context.strokeRect(box[0] - 3.5, box[1] - 3.5, box[2] + 7, box[3] + 7);
      context.setLineDash([]);
    }
  }

  drawPen(context, x) {
    const { step, pitch, steps } = this.pressed?.moved ? this.drawn(this.pressed) : this.pen;
    const seconds = this.end / (this.view.bars.length * STEPS);
    const left = x(step * seconds);
    context.strokeStyle = style("--ink");
    context.lineWidth = 1.5;
    context.setLineDash([3, 2]);
    context.strokeRect(left, RULER + (this.high - 1 - pitch) * this.step, steps * seconds * this.scale, this.step);
    context.setLineDash([]);
  }
}
