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
let primer = null; // music that every piece continues, while "yours" says so

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

const keyOf = (values) => JSON.stringify(Object.entries(values).filter(([, value]) => value !== null && value !== false && value !== undefined).sort());

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
    if (error.name !== "AbortError") say(error.message, true);
  } finally {
    if (player.making === abort) {
      player.making = null;
      $("play").classList.remove("busy");
    }
  }
}

async function start(piece, { at = 0, record = true, note = "" } = {}) {
  player.piece = piece;
  showRecipe(piece.recipe);
  roll.show(piece.view);
  audio.src = fileOf(piece, piece.sound || SOUND);
  $("seek").disabled = false;
  describe(piece);
  if (record) {
    digests.add(piece.view.digest);
    heard.push({ recipe: piece.recipe, name: titleOf(piece), line: factsOf(piece) });
    heard.splice(0, heard.length - MOST_HISTORY);
    player.place = heard.length - 1;
    remembered.set("heard", heard);
    remembered.set("digests", [...digests].slice(-20 * MOST_HISTORY));
  }
  listHeard();
  history.replaceState(null, "", piece.address);
  if (at) audio.currentTime = at;
  try {
    await audio.play();
    say(note);
  } catch (error) {
    if (error.name === "NotAllowedError") say("It is ready: press play once more.");
    else if (error.name !== "AbortError") throw new Error("the browser cannot play this sound");
  }
  // a locked seed stays on this piece until another is asked for
  prepareNext();
}

const titleOf = (piece) => `${titled(piece.recipe.model)} No. ${piece.recipe.seed}`;

function factsOf(piece) {
  const { key, metre, bpm, bars, seconds } = piece.view;
  return [key && `about ${key}`, metre, `♩ = ${Math.round(bpm)}`, `${bars.length} bars`, clock(seconds)].filter(Boolean).join(" · ");
}

function describe(piece) {
  $("title").textContent = titleOf(piece);
  document.title = `${titleOf(piece)} – musictool`;
  $("facts").textContent = factsOf(piece) + (piece.view.loops ? " · its end goes round in circles" : "");
  $("total").textContent = clock(piece.view.seconds);
  $("keep").disabled = false;
  showKept();
  $("command").textContent = piece.command;
  $("command").parentElement.hidden = false;
  $("downloads").replaceChildren(...[".mid", ".mp3", ".musicxml", ".json"].map((form) => {
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
  if (player.making) return;
  if (!audio.paused) audio.pause();
  else if (player.wanted) {
    const values = player.wanted;
    player.wanted = null;
    await playRecipe(values);
  } else if (!player.piece) await another();
  else if (audio.ended) await another();
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
    if ($("lock").checked && player.piece && /^\d+$/.test($("seed").value)) remake();
    else if (player.piece) {
      prepareNext();
      say("from the next piece on");
    }
  }, 350);
}

function remake() {
  const values = recipe(Number($("seed").value));
  const old = player.piece;
  if (keyOf(values) === keyOf({ ...recipe(0), ...Object.fromEntries(Object.keys(values).map((name) => [name, null])), ...old.recipe })) return;
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
}

function showKept() {
  const is = player.piece !== null && kept.has(keyOf(player.piece.recipe));
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
audio.addEventListener("ended", () => { if (!timeIsUp()) next(); });
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
$("keep").addEventListener("click", () => player.piece && keepOrForget(player.piece.recipe));
$("mute").addEventListener("click", mute);
$("volume").addEventListener("input", setVolume);
$("seek").addEventListener("input", () => { audio.currentTime = (Number($("seek").value) / 1000) * player.piece.view.seconds; });
$("timer").addEventListener("change", () => {
  const minutes = Number($("timer").value);
  player.stopAt = minutes ? Date.now() + minutes * 60_000 : 0;
  audio.volume = volume();
});
$("lofi").addEventListener("change", () => {
  if (!player.piece) return;
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

/* ---- views ---- */

function show(view) {
  for (const name of ["play", "yours", "listen"]) $(`${name}-view`).hidden = name !== view;
  $("stage").hidden = view === "listen";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (view === "listen") audio.pause();
}

for (const link of document.querySelectorAll("[data-view]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    show(link.dataset.view);
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

async function listModels() {
  const before = chosenModel();
  models = await ask("/api/models");
  const labels = models.map((model) => {
    const radio = element("input", { type: "radio", name: "genre", value: model.name });
    radio.addEventListener("change", () => { knobsOfModel(); player.wanted = null; if (player.piece) another(); });
    return element("label", { title: model.summary }, radio, element("span", { textContent: titled(model.name) }));
  });
  $("genres").replaceChildren($("genres").querySelector("legend"), ...labels);
  const wanted = models.find((model) => model.name === before) ?? models[0];
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
