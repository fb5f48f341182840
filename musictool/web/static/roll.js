/* The piano-roll, drawn as it plays. */

export const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const COLOURS = {
  light: ["#1f5f8b", "#c2551d", "#2f7d5b", "#a6517f", "#a8750f", "#4a8fb5", "#4b3f8f", "#7d2a4f", "#7a7a26", "#2f8583"],
  dark: ["#7fb8e0", "#f0966a", "#7bcaa4", "#dd9cc0", "#e3b85f", "#9cd3f0", "#a79df0", "#d98aae", "#c9c975", "#7fd0cd"],
};
export const DARK = matchMedia("(prefers-color-scheme: dark)");
const BLACK_KEYS = new Set([1, 3, 6, 8, 10]);
const WINDOW_SECONDS = 14;
const CURSOR_AT = 0.3;

/* A colour of the stylesheet, by day or by night. */
export function style(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/* A canvas as sharp as the screen, empty: its context, and its size in pixels of the page. */
export function surface(canvas) {
  const ratio = devicePixelRatio || 1;
  const { width, height } = canvas.getBoundingClientRect();
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return [context, width, height];
}

export function colourOf(view, track) {
  if (view.tracks[track]?.drums) return style("--quiet");
  const palette = COLOURS[DARK.matches ? "dark" : "light"];
  return palette[track % palette.length];
}

/* What lies behind the notes: black keys, and the octaves. */
export function drawLanes(context, width, height, low, high) {
  const step = height / (high - low);
  for (let pitch = low; pitch < high; pitch++) {
    const top = height - (pitch - low + 1) * step;
    if (BLACK_KEYS.has(pitch % 12)) {
      context.fillStyle = style("--roll-black");
      context.fillRect(0, top, width, step);
    }
    if (pitch % 12 === 0) {
      context.fillStyle = style("--line");
      context.fillRect(0, top + step, width, 1);
    }
  }
  context.font = "10px system-ui, sans-serif";
  context.fillStyle = style("--quiet");
  context.textAlign = "right";
  for (let pitch = Math.ceil(low / 12) * 12; pitch < high; pitch += 12) context.fillText(`C${pitch / 12 - 1}`, width - 6, height - (pitch - low) * step - 3);
  context.textAlign = "left";
}

export class Roll {
  constructor(canvas, overview) {
    this.canvas = canvas;
    this.overview = overview;
    this.view = null;
    new ResizeObserver(() => this.draw(this.time ?? 0)).observe(canvas);
    DARK.addEventListener("change", () => this.draw(this.time ?? 0));
  }

  show(view) {
    this.view = view;
    const pitches = view.notes.map((note) => note[2]);
    const middle = (Math.min(...pitches) + Math.max(...pitches)) / 2;
    const half = Math.max(14, (Math.max(...pitches) - Math.min(...pitches)) / 2 + 2);
    [this.low, this.high] = [Math.floor(middle - half), Math.ceil(middle + half)];
    this.longest = Math.max(...view.notes.map((note) => note[1]));
    this.draw(0);
  }

  draw(time) {
    this.time = time;
    const [context, width, height] = surface(this.canvas);
    drawLanes(context, width, height, ...(this.view ? [this.low, this.high] : [48, 84]));
    if (!this.view) return;
    const visible = Math.min(WINDOW_SECONDS, Math.max(4, (width / 900) * WINDOW_SECONDS + 3));
    // without motion the picture turns pages; with it, it glides past the cursor
    const from = STILL.matches ? Math.floor(time / visible) * visible : Math.max(0, time - visible * CURSOR_AT);
    const x = (seconds) => ((seconds - from) / visible) * width;
    const step = height / (this.high - this.low);

    context.font = "11px system-ui, sans-serif";
    context.fillStyle = style("--quiet");
    context.strokeStyle = style("--line");
    context.lineWidth = 1;
    this.view.bars.forEach((onset, bar) => {
      const at = Math.round(x(onset)) + 0.5;
      if (at < -20 || at > width) return;
      context.beginPath();
      context.moveTo(at, 0);
      context.lineTo(at, height);
      context.stroke();
      context.fillText(String(bar + 1), at + 4, 13);
    });

    for (const [onset, duration, pitch, track, velocity] of this.view.notes) {
      if (onset > from + visible || onset + this.longest < from || onset + duration < from) continue;
      const left = x(onset);
      const wide = Math.max(2.5, x(onset + duration) - left - 1);
      const top = height - (pitch - this.low + 1) * step;
      const sounding = onset <= time && time < onset + duration;
      context.globalAlpha = onset > time ? 0.28 : sounding ? 1 : 0.5 + 0.25 * (velocity / 127);
      context.fillStyle = colourOf(this.view, track);
      context.beginPath();
      context.roundRect(left, top + 0.5, wide, Math.max(2.5, step - 1), Math.min(3, step / 2));
      context.fill();
      if (sounding) {
        context.globalAlpha = 0.9;
        context.strokeStyle = style("--ink");
        context.stroke();
      }
    }
    context.globalAlpha = 1;
    context.fillStyle = style("--cursor");
    if (this.view.primer_seconds > 0) {
      const at = x(this.view.primer_seconds);
      context.fillRect(at, height - 16, 1, 16);
      context.fillText("new from here", at + 5, height - 5);
    }
    context.fillRect(x(time), 0, 1.5, height);
    this.drawOverview(time);
  }

  drawOverview(time) {
    const [context, width, height] = surface(this.overview);
    const seconds = Math.max(this.view.seconds, 0.001);
    const done = (time / seconds) * width;
    context.fillStyle = style("--roll");
    context.fillRect(0, 0, width, height);
    for (const [onset, duration, pitch, track] of this.view.notes) {
      context.globalAlpha = onset <= time ? 0.9 : 0.35;
      context.fillStyle = colourOf(this.view, track);
      const top = height - 3 - ((pitch - this.low) / (this.high - this.low)) * (height - 6);
      context.fillRect((onset / seconds) * width, top, Math.max(1, (duration / seconds) * width), 1.5);
    }
    context.globalAlpha = 1;
    context.fillStyle = style("--cursor");
    context.fillRect(Math.min(width - 2, done), 0, 2, height);
  }
}
