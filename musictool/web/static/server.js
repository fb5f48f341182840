/* Asking the server: JSON, streams of events, and patience when others are before us; and what all parts need. */

export const $ = (id) => document.getElementById(id);
const BUSY_MS = 1200;

export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("aria-") || name === "for" || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

export function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export const remembered = {
  get(name, otherwise) {
    try { return JSON.parse(localStorage.getItem(`musictool.${name}`)) ?? otherwise; } catch { return otherwise; }
  },
  set(name, value) {
    try { localStorage.setItem(`musictool.${name}`, JSON.stringify(value)); } catch { /* private windows forget */ }
  },
};

export async function ask(path, body, signal) {
  const options = body === undefined ? {} : { method: "POST", body: body instanceof Blob ? body : JSON.stringify(body) };
  const response = await fetch(path, { ...options, signal });
  const answer = response.headers.get("content-type")?.includes("json") ? await response.json() : { message: await response.text() };
  if (!response.ok) throw new Error(answer.message);
  return answer;
}

/* The events of a stream, as [name, values]; closing the connection ends the work behind it. */
async function* events(path, body, signal) {
  const response = await fetch(path, { method: "POST", body: JSON.stringify(body), signal });
  if (!response.ok) {
    const json = response.headers.get("content-type")?.includes("json");
    throw new Error(json ? (await response.json()).message : await response.text());
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const [, name, data] = part.match(/^event: (.*)\ndata: (.*)$/s);
      yield [name, JSON.parse(data)];
    }
  }
}

/* The last event of a stream, `wanted`; when the queue is full, asks again until there is a place. */
export async function outcome(path, body, wanted, { signal, tell = () => {} } = {}) {
  for (;;) {
    let busy = false;
    for await (const [name, values] of events(path, body, signal)) {
      if (name === wanted) return values;
      if (name === "failed") throw new Error(values.message);
      if (name === "busy") busy = true;
      tell(name, values);
    }
    if (!busy) throw new Error("the server is gone; start it again: musictool serve");
    await new Promise((resolve) => setTimeout(resolve, BUSY_MS * (0.5 + Math.random())));
    signal?.throwIfAborted();
  }
}

const DOING = { reading: "reading", writing: "writing", playing: "recording", engraving: "engraving", "slowing down": "slowing it down", loading: "waking up" };

export function inWords(name, values) {
  if (name === "queued") return `${values.before} before you`;
  if (name === "busy") return "waiting for a place";
  const share = values.share ? ` ${Math.round(values.share * 100)} %` : "";
  return `${DOING[values.what] ?? values.what}${share} …`;
}
export const audio = $("audio");
const MP3 = audio.canPlayType("audio/mpeg") !== "";
export const SOUND = MP3 ? ".mp3" : ".wav";

export function fileOf(piece, form) {
  const [path, query] = (piece.lofi ? `${piece.address}?lofi=1` : piece.address).split("?");
  return path + form + (query ? `?${query}` : "");
}

export const make = (recipe, forms, options) => outcome("/api/pieces", { recipe, forms }, "piece", options);

/* Music that was dropped, drawn or written in, in some forms. */
export const hear = (upload, forms, options = {}) => outcome("/api/hear", { upload, forms, lofi: options.lofi ?? false }, "piece", options);

export const takeIn = (file) => ask(`/api/uploads?name=${encodeURIComponent(file.name)}`, file);
