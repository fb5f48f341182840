/* The page: a player that is never without a next piece, and what stands around it.

   server      asking: JSON, streams of events, and patience when others are before us
   recipe      what the knobs say, as what makes a piece
   roll        the picture, drawn as it plays
   player      pieces one after another
   yours       dropped music: continued, or learnt
   listening   the blind test

   Text from anywhere goes into the page as text, never as HTML. */

const $ = (id) => document.getElementById(id);
const SKIP_SECONDS = 3; // "the piece before" first goes back to the beginning of this one
const BUSY_MS = 1200;
const MOST_HISTORY = 500;
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("aria-") || name === "for" || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

const remembered = {
  get(name, otherwise) {
    try { return JSON.parse(localStorage.getItem(`musictool.${name}`)) ?? otherwise; } catch { return otherwise; }
  },
  set(name, value) {
    try { localStorage.setItem(`musictool.${name}`, JSON.stringify(value)); } catch { /* private windows forget */ }
  },
};

/* ------------------------------------------------------------------------------------------------ server */

async function ask(path, body, signal) {
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
async function outcome(path, body, wanted, { signal, tell = () => {} } = {}) {
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

function inWords(name, values) {
  if (name === "queued") return `${values.before} before you`;
  if (name === "busy") return "waiting for a place";
  const share = values.share ? ` ${Math.round(values.share * 100)} %` : "";
  return `${DOING[values.what] ?? values.what}${share} …`;
}

const audio = $("audio");
const MP3 = audio.canPlayType("audio/mpeg") !== "";
const SOUND = MP3 ? ".mp3" : ".wav";

function fileOf(piece, form) {
  const [path, query] = piece.address.split("?");
  return path + form + (query ? `?${query}` : "");
}

const make = (recipe, forms, options) => outcome("/api/pieces", { recipe, forms }, "piece", options);

/* ------------------------------------------------------------------------------------------------ recipe */

let models = [];

const drawnSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] >>> 1;
const chosenModel = () => document.querySelector("input[name=genre]:checked")?.value ?? "";
const titled = (name) => name.replace(/[-_]+/g, " ").replace(/^./, (letter) => letter.toUpperCase());

function recipe(seed) {
  const number = (id) => ($(id).value === "" ? null : Number($(id).value));
  const model = models.find((each) => each.name === chosenModel());
  const temperature = Number($("temperature").value);
  return {
    model: chosenModel(),
    seed,
    temperature: model?.kind === "segments" ? null : temperature,
    bars: number("bars"),
    key: $("key").value || null,
    tempo: number("tempo"),
    instrument: $("instrument").value || null,
    density: model?.density ? number("density") : null,
    label: model?.labels.length ? $("label").value || null : null,
    notes: $("notes").value.trim() || null,
    lofi: $("lofi").checked,
  };
}

/* Set the knobs to what makes a piece. */
function showRecipe(values) {
  const radio = [...document.querySelectorAll("input[name=genre]")].find((each) => each.value === values.model);
  if (radio) radio.checked = true;
  knobsOfModel();
  $("temperature").value = values.temperature ?? 1;
  $("temperature-value").value = Number($("temperature").value).toFixed(2);
  for (const name of ["key", "tempo", "instrument", "density", "label"]) choose($(name), values[name] ?? "");
  choose($("bars"), values.bars ?? 32);
  $("notes").value = values.notes ?? "";
  $("lofi").checked = Boolean(values.lofi);
  $("seed").value = values.seed;
}

function choose(select, value) {
  const text = String(value);
  if (![...select.options].some((option) => option.value === text)) select.append(element("option", { value: text, textContent: text }));
  select.value = text;
}

function knobsOfModel() {
  const model = models.find((each) => each.name === chosenModel());
  $("density-knob").hidden = !model?.density;
  $("label-knob").hidden = !model?.labels.length;
  $("temperature").disabled = model?.kind === "segments";
  const label = $("label").value;
  $("label").replaceChildren(element("option", { value: "", textContent: "any" }), ...(model?.labels ?? []).map((text) => element("option", { value: text, textContent: text })));
  if (model?.labels.includes(label)) $("label").value = label;
}

/* ------------------------------------------------------------------------------------------------ roll */

const COLOURS = {
  light: ["#1f5f8b", "#c2551d", "#2f7d5b", "#a6517f", "#a8750f", "#4a8fb5", "#4b3f8f", "#7d2a4f", "#7a7a26", "#2f8583"],
  dark: ["#7fb8e0", "#f0966a", "#7bcaa4", "#dd9cc0", "#e3b85f", "#9cd3f0", "#a79df0", "#d98aae", "#c9c975", "#7fd0cd"],
};
const DARK = matchMedia("(prefers-color-scheme: dark)");
const BLACK_KEYS = new Set([1, 3, 6, 8, 10]);
const WINDOW_SECONDS = 14;
const CURSOR_AT = 0.3;

class Roll {
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

  style(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

  surface(canvas) {
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

  colour(track) {
    if (this.view.tracks[track]?.drums) return this.style("--quiet");
    const palette = COLOURS[DARK.matches ? "dark" : "light"];
    return palette[track % palette.length];
  }

  draw(time) {
    this.time = time;
    const [context, width, height] = this.surface(this.canvas);
    this.drawLanes(context, width, height);
    if (!this.view) return;
    const visible = Math.min(WINDOW_SECONDS, Math.max(4, (width / 900) * WINDOW_SECONDS + 3));
    // without motion the picture turns pages; with it, it glides past the cursor
    const from = STILL.matches ? Math.floor(time / visible) * visible : Math.max(0, time - visible * CURSOR_AT);
    const x = (seconds) => ((seconds - from) / visible) * width;
    const step = height / (this.high - this.low);

    context.font = "11px system-ui, sans-serif";
    context.fillStyle = this.style("--quiet");
    context.strokeStyle = this.style("--line");
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
      context.fillStyle = this.colour(track);
      context.beginPath();
      context.roundRect(left, top + 0.5, wide, Math.max(2.5, step - 1), Math.min(3, step / 2));
      context.fill();
      if (sounding) {
        context.globalAlpha = 0.9;
        context.strokeStyle = this.style("--ink");
        context.stroke();
      }
    }
    context.globalAlpha = 1;
    context.fillStyle = this.style("--cursor");
    if (this.view.primer_seconds > 0) {
      const at = x(this.view.primer_seconds);
      context.fillRect(at, height - 16, 1, 16);
      context.fillText("new from here", at + 5, height - 5);
    }
    context.fillRect(x(time), 0, 1.5, height);
    this.drawOverview(time);
  }

  drawLanes(context, width, height) {
    const [low, high] = this.view ? [this.low, this.high] : [48, 84];
    const step = height / (high - low);
    for (let pitch = low; pitch < high; pitch++) {
      const top = height - (pitch - low + 1) * step;
      if (BLACK_KEYS.has(pitch % 12)) {
        context.fillStyle = this.style("--roll-black");
        context.fillRect(0, top, width, step);
      }
      if (pitch % 12 === 0) {
        context.fillStyle = this.style("--line");
        context.fillRect(0, top + step, width, 1);
      }
    }
    context.font = "10px system-ui, sans-serif";
    context.fillStyle = this.style("--quiet");
    context.textAlign = "right";
    for (let pitch = Math.ceil(low / 12) * 12; pitch < high; pitch += 12) context.fillText(`C${pitch / 12 - 1}`, width - 6, height - (pitch - low) * step - 3);
    context.textAlign = "left";
  }

  drawOverview(time) {
    const [context, width, height] = this.surface(this.overview);
    const seconds = Math.max(this.view.seconds, 0.001);
    const done = (time / seconds) * width;
    context.fillStyle = this.style("--roll");
    context.fillRect(0, 0, width, height);
    for (const [onset, duration, pitch, track] of this.view.notes) {
      context.globalAlpha = onset <= time ? 0.9 : 0.35;
      context.fillStyle = this.colour(track);
      const top = height - 3 - ((pitch - this.low) / (this.high - this.low)) * (height - 6);
      context.fillRect((onset / seconds) * width, top, Math.max(1, (duration / seconds) * width), 1.5);
    }
    context.globalAlpha = 1;
    context.fillStyle = this.style("--cursor");
    context.fillRect(Math.min(width - 2, done), 0, 2, height);
  }
}

/* ------------------------------------------------------------------------------------------------ player */

const roll = new Roll($("roll"), $("overview"));
const heard = remembered.get("heard", []); // [{recipe, line, name}], the oldest first
const digests = new Set(remembered.get("digests", []));
const kept = new Set();
const player = { piece: null, upcoming: null, making: null, place: -1, before: null, from: null, stopAt: 0, wanted: null };

function say(text, problem = false) {
  $("status").textContent = text;
  $("status").classList.toggle("problem", problem);
}

const DEFAULTS = { temperature: 1, bars: 32 };
const says = ([name, value]) => value !== null && value !== undefined && value !== false && value !== DEFAULTS[name];

/* The same for recipes that make the same piece. */
const keyOf = (values) => JSON.stringify(Object.entries(values).filter(says).sort());

/* A piece that was never played here: of two seeds with the same notes, another one. */
async function newPiece(form, options) {
  const locked = $("lock").checked && $("seed").value !== "";
  for (let attempt = 0; ; attempt++) {
    const piece = await make(recipe(locked && attempt === 0 && !player.piece ? Number($("seed").value) : drawnSeed()), [form], options);
    if (!digests.has(piece.view.digest) || attempt >= 8) return piece;
  }
}

/* Let the next piece be made while this one plays. */
function prepareNext() {
  player.upcoming?.abort.abort();
  const abort = new AbortController();
  const piece = newPiece(SOUND, { signal: abort.signal });
  piece.catch(() => {}); // whoever waits for it hears of it
  player.upcoming = { abort, piece, knobs: keyOf(recipe(0)) };
}

function forgetNext() {
  player.upcoming?.abort.abort();
  player.upcoming = null;
}

/* Do one thing that leads to sound; what was being done for it before is given up. */
async function towardsSound(action) {
  player.making?.abort();
  const abort = (player.making = new AbortController());
  $("play").classList.add("busy");
  try {
    await action({ signal: abort.signal, tell: (name, values) => say(inWords(name, values)) });
  } catch (error) {
    if (error.name !== "AbortError") say(error instanceof TypeError ? "The server does not answer; start it again: musictool serve" : error.message, true);
  } finally {
    if (player.making === abort) {
      player.making = null;
      $("play").classList.remove("busy");
    }
  }
}

async function start(piece, { at = 0, record = true, note = "" } = {}) {
  player.piece = piece;
  if (piece.recipe) showRecipe(piece.recipe);
  roll.show(piece.view);
  audio.src = fileOf(piece, piece.sound || SOUND);
  $("seek").disabled = false;
  describe(piece);
  if (record && piece.recipe) {
    digests.add(piece.view.digest);
    heard.push({ recipe: piece.recipe, name: titleOf(piece), line: factsOf(piece) });
    heard.splice(0, heard.length - MOST_HISTORY);
    player.place = heard.length - 1;
    remembered.set("heard", heard);
    remembered.set("digests", [...digests].slice(-20 * MOST_HISTORY));
  }
  listHeard();
  if (piece.recipe) history.replaceState(null, "", piece.address);
  if (at) audio.currentTime = at;
  try {
    await audio.play();
    say(note);
  } catch (error) {
    if (error.name === "NotAllowedError") say("It is ready: press play once more.");
    else if (error.name !== "AbortError") throw new Error("the browser cannot play this sound");
  }
  if (!isYours(piece)) prepareNext();
}

/* What was dropped and what continues it is not followed by something else. */
const isYours = (piece) => !piece.recipe || Boolean(piece.recipe.primer);

const titleOf = (piece) => (piece.recipe ? `${titled(piece.recipe.model)} No. ${piece.recipe.seed}` : piece.name);

function factsOf(piece) {
  const { key, metre, bpm, bars, seconds } = piece.view;
  return [key && `about ${key}`, metre, `♩ = ${Math.round(bpm)}`, `${bars.length} bars`, clock(seconds)].filter(Boolean).join(" · ");
}

function describe(piece) {
  $("title").textContent = titleOf(piece);
  document.title = `${titleOf(piece)} – musictool`;
  $("facts").textContent = factsOf(piece) + (piece.view.loops ? " · its end goes round in circles" : "");
  $("total").textContent = clock(piece.view.seconds);
  $("keep").disabled = $("lofi").disabled = !piece.recipe;
  showKept();
  $("previous").disabled = false;
  $("command").textContent = piece.command ?? "";
  $("command").parentElement.hidden = !piece.recipe;
  if (!piece.recipe) $("downloads").replaceChildren(element("span", { className: "quiet", textContent: "This music is yours already." }));
  else $("downloads").replaceChildren(...[".mid", ".mp3", ".musicxml", ".json"].map((form) => {
    const button = element("button", { type: "button", textContent: form });
    button.addEventListener("click", () => takeAway(piece, form, button));
    return button;
  }));
  if ("mediaSession" in navigator) {
    navigator.mediaSession.metadata = new MediaMetadata({ title: titleOf(piece), artist: "musictool", album: factsOf(piece) });
  }
}

async function takeAway(piece, form, button) {
  button.disabled = true;
  try {
    await make(piece.recipe, [form], { tell: (name, values) => say(inWords(name, values)) });
    const link = element("a", { href: fileOf(piece, form), download: `${piece.name}${piece.recipe.lofi && form === ".mp3" ? "-lofi" : ""}${form}` });
    document.body.append(link);
    link.click();
    link.remove();
    say("");
  } catch (error) {
    say(error.message, true);
  } finally {
    button.disabled = false;
  }
}

/* Another piece: the one that is being made already, if the knobs are still where they were. */
function another() {
  return towardsSound(async (options) => {
    const { upcoming } = player;
    player.before = null;
    $("before").hidden = true;
    if (upcoming && upcoming.knobs === keyOf(recipe(0))) {
      player.upcoming = null;
      options.signal.addEventListener("abort", () => upcoming.abort.abort());
      say("one moment …");
      await start(await upcoming.piece);
    } else {
      forgetNext();
      // a sound that needs no compressing is there sooner
      await start(await newPiece(".wav", options));
    }
  });
}

function playRecipe(values, options) {
  return towardsSound(async (during) => {
    forgetNext();
    await start(await make(values, [SOUND], during), options);
  });
}

async function playOrPause() {
  if (!audio.paused) {
    player.making?.abort();
    audio.pause();
  } else if (player.making) return;
  else if (player.wanted) {
    const values = player.wanted;
    player.wanted = null;
    await playRecipe(values);
  } else if (!player.piece) await another();
  else if (audio.ended && !isYours(player.piece)) await another();
  else await audio.play().catch((error) => say(error.message, true));
}

function previous() {
  if (audio.currentTime > SKIP_SECONDS || player.place < 1) audio.currentTime = 0;
  else {
    player.place -= 1;
    playRecipe(heard[player.place].recipe, { record: false });
  }
}

function next() {
  if (player.place >= 0 && player.place < heard.length - 1) {
    player.place += 1;
    return playRecipe(heard[player.place].recipe, { record: false });
  }
  return another();
}

/* A knob was turned: with the seed locked, this piece is made again and goes on at the same bar. */
let turning = 0;
function turned() {
  $("temperature-value").value = Number($("temperature").value).toFixed(2);
  player.wanted = null;
  clearTimeout(turning);
  turning = setTimeout(() => {
    if ($("lock").checked && player.piece?.recipe && /^\d+$/.test($("seed").value)) remake();
    else if (player.piece) {
      prepareNext();
      say("from the next piece on");
    }
  }, 350);
}

function remake() {
  const old = player.piece;
  const values = { ...recipe(Number($("seed").value)), primer: old.recipe.primer ?? null };
  if (values.primer) values.notes = null;
  if (keyOf(values) === keyOf(old.recipe)) return;
  return towardsSound(async (during) => {
    const share = audio.duration ? audio.currentTime / audio.duration : 0;
    const piece = await make(values, [".wav"], during);
    player.before = old;
    $("before").hidden = false;
    $("before").setAttribute("aria-pressed", "false");
    await start(piece, { at: share > 0.9 ? 0 : share * piece.view.seconds });
  });
}

/* The same moment before and after a knob was turned. */
function compare() {
  if (!player.before) return;
  const other = player.before;
  player.before = player.piece;
  const at = Math.min((audio.currentTime / (player.piece.view.seconds || 1)) * other.view.seconds, other.view.seconds);
  const pressed = $("before").getAttribute("aria-pressed") !== "true";
  $("before").setAttribute("aria-pressed", String(pressed));
  towardsSound(() => start(other, { at, record: false, note: pressed ? "as it was before" : "as it is now" }));
}

function listHeard() {
  $("nothing-heard").hidden = heard.length > 0;
  const shown = heard.map((entry, place) => [entry, place]).slice(-60).reverse();
  $("heard").replaceChildren(...shown.map(([entry, place]) => pieceItem(entry, {
    current: place === player.place,
    play: () => { player.place = place; playRecipe(entry.recipe, { record: false }); },
  })));
}

function pieceItem({ name, line, recipe: values }, { play, current = false, buttons = [] }) {
  const item = element("li", {},
    element("span", { className: "what" }, element("div", { className: "name", textContent: name }), element("div", { className: "about", textContent: line })));
  const button = element("button", { type: "button", textContent: "Play", "aria-label": `Play ${name}` });
  button.addEventListener("click", play);
  item.append(button, ...buttons);
  if (values) item.append(keepButton(values));
  if (current) item.setAttribute("aria-current", "true");
  return item;
}

function keepButton(values) {
  const button = element("button", { type: "button" });
  const show = () => {
    const is = kept.has(keyOf(values));
    button.textContent = is ? "Kept" : "Keep";
    button.setAttribute("aria-pressed", String(is));
  };
  show();
  button.addEventListener("click", async () => { await keepOrForget(values); show(); });
  return button;
}

async function keepOrForget(values) {
  try {
    if (kept.has(keyOf(values))) await ask("/api/forget", { recipe: values });
    else {
      await make(values, []);
      const { file } = await ask("/api/kept", { recipe: values });
      say(`kept as ${file}`);
    }
    await listKept();
  } catch (error) {
    say(error.message, true);
  }
}

async function listKept() {
  const { folder, pieces } = await ask("/api/kept");
  kept.clear();
  for (const entry of pieces) kept.add(keyOf(entry.recipe));
  $("kept").replaceChildren(...pieces.map((entry) => pieceItem(
    { name: `${titled(entry.recipe.model)} No. ${entry.recipe.seed}`, line: entry.line, recipe: entry.recipe },
    { play: () => playRecipe(entry.recipe) })));
  $("kept-folder").textContent = pieces.length ? `They lie in ${folder}, as MIDI and recipe.` : "Nothing yet. Keep a piece, and it stays when the page is closed.";
  showKept();
  listHeard();
}

function showKept() {
  const is = Boolean(player.piece?.recipe) && kept.has(keyOf(player.piece.recipe));
  $("keep").textContent = is ? "Kept" : "Keep";
  $("keep").setAttribute("aria-pressed", String(is));
}

/* ---- what moves while it plays ---- */

function frame() {
  if (player.piece) {
    roll.draw(audio.currentTime);
    $("elapsed").textContent = clock(audio.currentTime);
  }
  if (!audio.paused) requestAnimationFrame(frame);
}

audio.addEventListener("play", () => {
  $("play").setAttribute("aria-pressed", "true");
  $("play-label").textContent = "Pause";
  requestAnimationFrame(frame);
});
audio.addEventListener("pause", () => {
  $("play").setAttribute("aria-pressed", "false");
  $("play-label").textContent = "Play";
  frame();
});
audio.addEventListener("seeked", () => { if (audio.paused) frame(); });
audio.addEventListener("ended", () => { if (!timeIsUp() && !isYours(player.piece)) next(); });
audio.addEventListener("timeupdate", () => {
  if (audio.duration) $("seek").value = String((audio.currentTime / player.piece.view.seconds) * 1000);
  $("seek").setAttribute("aria-valuetext", `${clock(audio.currentTime)} of ${clock(audio.duration || 0)}`);
  if (player.stopAt && Date.now() >= player.stopAt - FADE_MS) audio.volume = volume() * Math.max(0, (player.stopAt - Date.now()) / FADE_MS);
  if (timeIsUp()) {
    audio.pause();
    audio.volume = volume();
    player.stopAt = 0;
    $("timer").value = "0";
    say("The time is up. Good night.");
  }
});
audio.addEventListener("error", () => { if (audio.getAttribute("src")) say("the browser cannot play this sound", true); });

const FADE_MS = 8000;
const timeIsUp = () => player.stopAt > 0 && Date.now() >= player.stopAt;
const volume = () => (Number($("volume").value) / 100) ** 2;

function setVolume() {
  audio.volume = volume();
  remembered.set("volume", $("volume").value);
}

function mute() {
  audio.muted = !audio.muted;
  $("mute").setAttribute("aria-pressed", String(audio.muted));
}

/* ---- wiring ---- */

$("play").addEventListener("click", playOrPause);
$("next").addEventListener("click", next);
$("previous").addEventListener("click", previous);
$("keep").addEventListener("click", () => player.piece?.recipe && keepOrForget(player.piece.recipe));
$("mute").addEventListener("click", mute);
$("volume").addEventListener("input", setVolume);
$("seek").addEventListener("input", () => { audio.currentTime = (Number($("seek").value) / 1000) * player.piece.view.seconds; });
$("timer").addEventListener("change", () => {
  const minutes = Number($("timer").value);
  player.stopAt = minutes ? Date.now() + minutes * 60_000 : 0;
  audio.volume = volume();
});
$("lofi").addEventListener("change", () => {
  if (!player.piece?.recipe) return;
  const values = { ...player.piece.recipe, lofi: $("lofi").checked };
  playRecipe(values, { record: false, note: $("lofi").checked ? "with rain and a worn tape" : "" });
});
for (const id of ["temperature", "key", "bars", "tempo", "instrument", "density", "label", "notes"]) {
  $(id).addEventListener(id === "temperature" ? "input" : "change", turned);
}
$("seed").addEventListener("change", () => {
  if (!/^\d+$/.test($("seed").value)) return;
  $("lock").checked = true;
  turned();
});
$("before").addEventListener("click", compare);
$("as-it-comes").addEventListener("click", () => {
  $("lock").checked = false;
  showRecipe({ model: chosenModel(), seed: "" });
  turned();
});
$("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText($("command").textContent);
  $("copy").textContent = "Copied";
  setTimeout(() => ($("copy").textContent = "Copy"), 1500);
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("stage").hidden) return;
  const typing = event.target.closest("input:not([type=checkbox]):not([type=radio]), select, textarea");
  const pressing = event.target.closest("button, summary, a, input");
  const keys = {
    " ": () => { if (pressing) return false; playOrPause(); },
    ArrowRight: () => { if (event.target.closest("input")) return false; next(); },
    ArrowLeft: () => { if (event.target.closest("input")) return false; previous(); },
    ArrowUp: () => louder(5),
    ArrowDown: () => louder(-5),
    m: mute,
  };
  const action = typing ? undefined : keys[event.key];
  if (action && action() !== false) event.preventDefault();
});

function louder(by) {
  if (document.activeElement?.closest("input")) return false;
  $("volume").value = String(Number($("volume").value) + by);
  setVolume();
}

if ("mediaSession" in navigator) {
  const actions = { play: playOrPause, pause: () => audio.pause(), nexttrack: next, previoustrack: previous };
  for (const [name, action] of Object.entries(actions)) navigator.mediaSession.setActionHandler(name, action);
}

/* ------------------------------------------------------------------------------------------------ yours */

const READABLE = /\.(mid|midi|kar|mxl|xml|musicxml|krn|abc|npz|npy)$/i;
const MOST_FILES = 200;
const MOST_SAMPLES = 8;
const yours = { chain: [], lesson: null, learning: null }; // chain: of {upload, name}, what is continued at last

async function takeIn(file) {
  return ask(`/api/uploads?name=${encodeURIComponent(file.name)}`, file);
}

/* One file is to be continued; several are to be learnt. */
async function dropped(files) {
  const list = [...files].filter((file) => READABLE.test(file.name)).slice(0, MOST_FILES);
  show("yours");
  if (!list.length) return report(["No music that can be read: MIDI, MusicXML, ABC or Humdrum."], true);
  if (list.length === 1) {
    try {
      report([`reading ${list[0].name} …`]);
      const music = await takeIn(list[0]);
      report([]);
      yours.chain = [music];
      $("takes").replaceChildren();
      showChain();
      hearUpload(music.upload);
    } catch (error) {
      report([`${list[0].name}: ${error.message}`], true);
    }
    return;
  }
  const read = [];
  const failed = [];
  for (const [number, file] of list.entries()) {
    report([`reading ${number + 1} of ${list.length}: ${file.name}`]);
    try { read.push(await takeIn(file)); } catch (error) { failed.push(`${file.name}: ${error.message}`); }
  }
  report([`${read.length} of ${list.length} files were read.`, ...failed], failed.length > 0);
  if (!read.length) return;
  yours.lesson = read.map((music) => music.upload);
  const folder = list[0].webkitRelativePath?.split("/")[0] || "mine";
  $("teach-name").value = folder.replace(/[^A-Za-z0-9_ -]+/g, "").slice(0, 30) || "mine";
  $("teach").hidden = false;
}

function report(lines, problem = false) {
  $("dropped").replaceChildren(...lines.map((text) => element("p", { textContent: text, className: problem ? "problem" : "quiet" })));
}

function hearUpload(upload) {
  return towardsSound(async (options) => {
    forgetNext();
    await start(await outcome("/api/hear", { upload, form: SOUND }, "piece", options));
  });
}

function showChain() {
  const last = yours.chain.at(-1);
  $("continue").hidden = !last;
  if (!last) return;
  $("continue-title").textContent = last.name;
  $("understood").replaceChildren(...(last.understood ?? []).map((text) => element("li", { textContent: text })));
  $("undo").disabled = yours.chain.length < 2;
  $("chain").textContent = yours.chain.length > 1 ? yours.chain.map((music) => music.name).join("  →  ") : "It goes on with the genre that is chosen above, and the knobs under Play.";
}

/* Four takes of how it goes on, one after another; the first plays as soon as it is there. */
async function fourTakes() {
  const { upload } = yours.chain.at(-1);
  $("takes-button").disabled = true;
  $("takes").replaceChildren();
  $("continue").scrollIntoView({ block: "nearest" });
  try {
    for (let take = 1; take <= 4; take++) {
      const values = { ...recipe(drawnSeed()), notes: null, primer: upload, lofi: false };
      const piece = await make(values, [".wav"], { tell: (name, event) => say(`take ${take}: ${inWords(name, event)}`) });
      if (yours.chain.at(-1)?.upload !== upload) return;
      const choose = element("button", { type: "button", textContent: "Go on from this" });
      choose.addEventListener("click", () => goOnFrom(piece));
      $("takes").append(pieceItem({ name: `Take ${take}`, line: factsOf(piece), recipe: piece.recipe }, { play: () => playTake(piece), buttons: [choose] }));
      if (take === 1) playTake(piece);
    }
    say("");
  } catch (error) {
    say(error.message, true);
  } finally {
    $("takes-button").disabled = false;
  }
}

function playTake(piece) {
  const at = Math.max(0, piece.view.primer_seconds - 6); // the end of yours, and on into what is new
  return playRecipe(piece.recipe, { at });
}

async function goOnFrom(piece) {
  try {
    const music = await ask("/api/continued", { recipe: piece.recipe });
    yours.chain.push({ ...music, understood: [factsOf(piece)] });
    $("takes").replaceChildren();
    showChain();
    await fourTakes();
  } catch (error) {
    say(error.message, true);
  }
}

function undo() {
  yours.chain.pop();
  $("takes").replaceChildren();
  showChain();
}

/* ---- a lesson ---- */

const MORE_DOING = { begin: "begins", encoding: "encoding", learning: "learning", reading: "preparing", loading: "waking up" };

async function teach() {
  const abort = (yours.learning = new AbortController());
  const losses = [];
  const body = { uploads: yours.lesson, name: $("teach-name").value.trim(), model: chosenModel(), minutes: Number($("teach-minutes").value) };
  $("teach-button").hidden = true;
  $("teach-stop").hidden = false;
  $("teach-samples").replaceChildren();
  const status = (text, problem = false) => {
    $("teach-status").textContent = text;
    $("teach-status").classList.toggle("problem", problem);
  };
  try {
    await outcome("/api/lessons", body, "learnt", {
      signal: abort.signal,
      tell: (name, values) => {
        if (name === "sample") {
          while ($("teach-samples").children.length >= MOST_SAMPLES) $("teach-samples").lastChild.remove();
          $("teach-samples").prepend(pieceItem({ name: values.name, line: "written after this epoch" }, { play: () => hearUpload(values.upload) }));
        } else if (values.what === "epoch") {
          losses.push(values);
          drawLosses(losses);
        } else {
          const epoch = values.epoch ? ` epoch ${values.epoch}` : "";
          const loss = values.loss ? `, loss ${values.loss.toFixed(3)}` : "";
          status(`${MORE_DOING[values.what] ?? values.what ?? name}${epoch}${values.share ? ` ${Math.round(values.share * 100)} %` : ""}${loss}`);
        }
      },
    });
    status(`${body.name} is learnt, and stands among the genres. `);
    const play = element("button", { type: "button", textContent: "Play it" });
    play.addEventListener("click", () => { show("play"); another(); });
    $("teach-status").append(play);
  } catch (error) {
    if (error.name === "AbortError") status("stopped; what it had learnt by the last epoch is kept");
    else status(error.message, true);
  } finally {
    yours.learning = null;
    $("teach-button").hidden = false;
    $("teach-stop").hidden = true;
    setTimeout(listModels, 500, body.name);
  }
}

/* Loss (of training, and of pieces kept aside) after each epoch. */
function drawLosses(rows) {
  const canvas = $("losses");
  canvas.hidden = false;
  const [context, width, height] = roll.surface(canvas);
  const values = rows.flatMap((row) => [row.loss, row.val_loss]).filter(Number.isFinite);
  const [low, high] = [Math.min(...values), Math.max(...values, Math.min(...values) + 0.01)];
  const x = (index) => 44 + (index / Math.max(1, rows.length - 1)) * (width - 200);
  const y = (value) => 14 + ((high - value) / (high - low)) * (height - 34);
  context.font = "12px system-ui, sans-serif";
  context.fillStyle = roll.style("--quiet");
  context.fillText(high.toFixed(2), 4, 18);
  context.fillText(low.toFixed(2), 4, height - 16);
  for (const [name, words, colour] of [["loss", "loss", "--quiet"], ["val_loss", "on pieces kept aside", "--accent"]]) {
    const points = rows.map((row, index) => [x(index), y(row[name])]).filter(([, at]) => Number.isFinite(at));
    if (!points.length) continue;
    context.strokeStyle = context.fillStyle = roll.style(colour);
    context.lineWidth = 2;
    context.beginPath();
    points.forEach(([left, top], index) => (index ? context.lineTo(left, top) : context.moveTo(left, top)));
    context.stroke();
    for (const [left, top] of points) {
      context.beginPath();
      context.arc(left, top, 3, 0, 7);
      context.fill();
    }
    const [left, top] = points.at(-1);
    context.fillText(words, Math.min(left + 8, width - 140), top + (name === "loss" ? 14 : -6));
  }
  canvas.setAttribute("aria-label", `Loss after epoch ${rows.length}: ${rows.at(-1).loss?.toFixed(3)}, on pieces kept aside ${rows.at(-1).val_loss?.toFixed(3)}`);
}

/* ---- dropping ---- */

async function filesIn(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length || found.length >= MOST_FILES) return found;
    for (const each of entries) found.push(...await filesIn(each));
  }
}

let dragDepth = 0;
document.addEventListener("dragenter", (event) => { event.preventDefault(); dragDepth += 1; $("veil").hidden = false; });
document.addEventListener("dragleave", () => { dragDepth -= 1; if (dragDepth <= 0) $("veil").hidden = true; });
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", async (event) => {
  event.preventDefault();
  dragDepth = 0;
  $("veil").hidden = true;
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = entries.length ? (await Promise.all(entries.map(filesIn))).flat() : event.dataTransfer.files;
  await dropped(files);
});
for (const id of ["files", "folder"]) $(id).addEventListener("change", () => dropped($(id).files));
$("takes-button").addEventListener("click", fourTakes);
$("undo").addEventListener("click", undo);
$("teach-button").addEventListener("click", teach);
$("teach-stop").addEventListener("click", () => yours.learning?.abort());

/* ------------------------------------------------------------------------------------------------ listening */

const LEAST_SECONDS = 10;
const QUESTIONS = {
  prefer: ["Which would you rather go on listening to?", ["A, much rather", "A, rather", "no difference", "B, rather", "B, much rather"]],
  person: ["Which did a person write?", ["A, surely", "A, I think", "cannot tell", "B, I think", "B, surely"]],
};
const test = { rater: null, mode: "prefer", corpus: "", trial: null, upcoming: null, sounds: [], heard: [0, 0], command: "" };
const LETTERS = ["a", "b"];

async function openTest() {
  const { corpora, votes } = await ask("/api/test");
  $("listen-corpus").replaceChildren(...corpora.map((name) => element("option", { value: name, textContent: titled(name) })));
  $("listen-begin").disabled = !corpora.length;
  $("listen-none").hidden = false;
  $("listen-none").textContent = corpora.length ? `Answers go to ${votes}.` : "For this there must be a corpus here, of people’s pieces, and a model of it: musictool prepare, musictool train.";
}

function putTrial() {
  const { rater, mode, corpus } = test;
  const trial = outcome("/api/trials", { rater, mode, corpus, form: SOUND }, "trial", {
    tell: (name) => { if (!test.trial) $("trial-status").textContent = name === "busy" ? "waiting for a place …" : "choosing two excerpts …"; },
  });
  trial.catch(() => {});
  return trial;
}

async function beginTest() {
  test.mode = document.querySelector("input[name=mode]:checked").value;
  test.corpus = $("listen-corpus").value;
  $("listen-start").hidden = true;
  $("result").hidden = true;
  $("trial").hidden = false;
  const [question, answers] = QUESTIONS[test.mode];
  $("question").textContent = question;
  $("answers").replaceChildren(...answers.map((words, index) => {
    const button = element("button", { type: "button", textContent: words, title: `${index + 1}` });
    button.addEventListener("click", () => answer(index - 2));
    return button;
  }));
  try {
    test.rater ??= (await ask("/api/test", {})).rater;
    test.upcoming = putTrial();
    await nextTrial();
  } catch (error) {
    test.rater = null;
    trialSays(error.message, true);
  }
}

function trialSays(text, problem = false) {
  $("trial-status").textContent = text;
  $("trial-status").classList.toggle("problem", problem);
}

async function nextTrial() {
  silence();
  test.trial = null;
  test.heard = [0, 0];
  letAnswer();
  for (const letter of LETTERS) $(`hear-${letter}`).disabled = true;
  test.trial = await test.upcoming;
  $("trial-number").textContent = `Pair ${test.trial.number}`;
  trialSays(`Listen to both for ${LEAST_SECONDS} seconds at least.`);
  test.sounds = test.trial.sides.map((address, side) => {
    const sound = new Audio(address);
    let last = 0;
    sound.volume = volume();
    sound.addEventListener("timeupdate", () => {
      if (test.sounds[side] !== sound) return; // of the pair before
      const step = sound.currentTime - last;
      if (step > 0 && step < 5) test.heard[side] += step; // there is nothing to skip with
      last = sound.currentTime;
      letAnswer();
    });
    for (const name of ["play", "pause", "ended"]) sound.addEventListener(name, showSides);
    return sound;
  });
  for (const letter of LETTERS) $(`hear-${letter}`).disabled = false;
  letAnswer();
  test.upcoming = putTrial();
}

function silence() {
  for (const sound of test.sounds) sound.pause();
  test.sounds = [];
  showSides();
}

function showSides() {
  LETTERS.forEach((letter, side) => $(`hear-${letter}`).setAttribute("aria-pressed", String(Boolean(test.sounds[side] && !test.sounds[side].paused))));
}

function letAnswer() {
  LETTERS.forEach((letter, side) => ($(`heard-${letter}`).value = Math.min(LEAST_SECONDS, test.heard[side])));
  const may = test.trial !== null && Math.min(...test.heard) >= LEAST_SECONDS;
  if (may && $("known").disabled === false && $("answers").children[0]?.disabled) trialSays("Choose; and go on listening as long as you like.");
  for (const button of $("answers").children) button.disabled = !may;
  $("known").disabled = test.trial === null;
}

function hearSide(side) {
  const sound = test.sounds[side];
  if (!sound) return;
  const wasPlaying = !sound.paused;
  for (const each of test.sounds) each.pause();
  if (!wasPlaying) sound.play().catch((error) => trialSays(error.message, true));
}

async function answer(value) {
  if (!test.trial || (value !== null && Math.min(...test.heard) < LEAST_SECONDS)) return;
  try {
    await ask("/api/votes", { rater: test.rater, trial: test.trial.trial, answer: value, heard: test.heard });
    await nextTrial();
  } catch (error) {
    trialSays(error.message, true);
  }
}

async function endTest() {
  silence();
  $("trial").hidden = true;
  try {
    const { lines, command } = await ask("/api/result", { rater: test.rater });
    $("result-lines").replaceChildren(...lines.map((text) => element("li", { textContent: text })));
    $("result-command").textContent = command;
    $("result").hidden = false;
  } catch (error) {
    $("listen-start").hidden = false;
    $("listen-none").textContent = error.message;
  }
}

$("listen-begin").addEventListener("click", beginTest);
$("listen-end").addEventListener("click", endTest);
$("listen-again").addEventListener("click", () => { $("result").hidden = true; $("listen-start").hidden = false; });
$("known").addEventListener("click", () => answer(null));
LETTERS.forEach((letter, side) => $(`hear-${letter}`).addEventListener("click", () => hearSide(side)));
document.addEventListener("keydown", (event) => {
  if ($("trial").hidden || $("listen-view").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
  if (LETTERS.includes(event.key)) hearSide(LETTERS.indexOf(event.key));
  if (/^[1-5]$/.test(event.key)) answer(Number(event.key) - 3);
});

/* ---- views ---- */

function show(view) {
  for (const name of ["play", "yours", "listen"]) $(`${name}-view`).hidden = name !== view;
  $("stage").hidden = view === "listen";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (view === "listen") {
    audio.pause();
    openTest().catch((error) => ($("listen-none").textContent = error.message));
  } else silence();
}

for (const link of document.querySelectorAll("[data-view]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    show(link.dataset.view);
    const piece = player.piece?.recipe ? player.piece.address : "/";
    history.replaceState(null, "", link.dataset.view === "listen" ? "/listen" : piece);
  });
}

/* ---- what there is to choose from ---- */

const KEYS = ["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"].map((tonic) => `${tonic} major`)
  .concat(["C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"].map((tonic) => `${tonic} minor`));
const INSTRUMENTS = ["Acoustic Grand Piano", "Electric Piano 1", "Harpsichord", "Music Box", "Vibraphone", "Marimba", "Church Organ", "Accordion",
  "Acoustic Guitar (nylon)", "Acoustic Guitar (steel)", "Violin", "Cello", "Orchestral Harp", "String Ensemble 1", "Choir Aahs", "Trumpet",
  "Brass Section", "Alto Sax", "Oboe", "Clarinet", "Flute", "Pan Flute", "Pad 2 (warm)", "Sitar", "Kalimba"];

function fill() {
  const option = (value, textContent) => element("option", { value, textContent });
  $("bars").append(...[8, 16, 32, 64, 128].map((bars) => option(bars, `${bars} bars`)));
  $("bars").value = "32";
  $("key").append(...KEYS.map((key) => option(key, key)));
  $("tempo").append(...[50, 60, 72, 84, 96, 108, 120, 132, 144, 160, 180, 208].map((bpm) => option(bpm, `${bpm} bpm`)));
  $("instrument").append(...INSTRUMENTS.map((name) => option(name, name)));
  $("density").append(...[1, 2, 4, 6, 8, 12, 16].map((notes) => option(notes, `${notes} notes a second`)));
  $("volume").value = remembered.get("volume", "80");
  setVolume();
}

async function listModels(choice) {
  const before = choice ?? chosenModel();
  models = await ask("/api/models");
  const labels = models.map((model) => {
    const radio = element("input", { type: "radio", name: "genre", value: model.name });
    radio.addEventListener("change", () => { remembered.set("model", model.name); knobsOfModel(); player.wanted = null; if (player.piece) another(); });
    const own = models.some((each) => each.ships) && !model.ships ? [element("small", { textContent: "yours" })] : [];
    return element("label", { title: model.summary }, radio, element("span", {}, titled(model.name), ...own));
  });
  $("genres").replaceChildren($("genres").querySelector("legend"), ...labels);
  const wanted = models.find((model) => model.name === (before || remembered.get("model", ""))) ?? models[0];
  if (wanted) $("genres").querySelectorAll("input")[models.indexOf(wanted)].checked = true;
  else {
    $("title").textContent = "There is no model yet";
    $("facts").textContent = "Make one: musictool prepare, then musictool train. Then reload this page.";
    $("play").disabled = $("next").disabled = true;
  }
  knobsOfModel();
}

/* The address of a piece: its knobs, and play plays it. */
function readAddress() {
  const found = location.pathname.match(/^\/p\/([^/]+)\/(\d+)$/);
  if (!found) return;
  const values = { ...Object.fromEntries(new URLSearchParams(location.search)), model: decodeURIComponent(found[1]), seed: Number(found[2]) };
  for (const name of ["bars", "temperature", "tempo", "density"]) if (name in values) values[name] = Number(values[name]);
  if ("lofi" in values) values.lofi = values.lofi === "1";
  if (!models.some((model) => model.name === values.model)) {
    say(`There is no model called ${values.model} here.`, true);
    return;
  }
  showRecipe(values);
  player.wanted = values;
  $("title").textContent = `${titled(values.model)} No. ${values.seed}`;
  $("facts").textContent = "Press play: it will be the same piece again.";
}

fill();
show(location.pathname === "/listen" ? "listen" : "play");
try {
  await listModels();
  readAddress();
  listHeard();
  await listKept();
} catch (error) {
  say(error.message, true);
}
