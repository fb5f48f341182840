/* A player that is never without a next piece; what was heard, kept, compared and taken away. */

import { chosenModel, drawnSeed, recipe, showRecipe, titled } from "./recipe.js";
import { Roll } from "./roll.js";
import { $, SOUND, ask, audio, clock, element, fileOf, hear, inWords, make, remembered } from "./server.js";

const SKIP_SECONDS = 3; // "the piece before" first goes back to the beginning of this one
const MOST_HISTORY = 500;

const roll = new Roll($("roll"), $("overview"));
const heard = remembered.get("heard", []); // [{recipe, line, name}], the oldest first
const digests = new Set(remembered.get("digests", []));
const kept = new Set();
export const player = { piece: null, upcoming: null, making: null, place: -1, before: null, stopAt: 0, wanted: null, editing: null };
// making: what is being done towards sound; editing: while the piano-roll is worked on, what play plays

export function say(text, problem = false) {
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

export function forgetNext() {
  player.upcoming?.abort.abort();
  player.upcoming = null;
}

/* Do one thing that leads to sound; what was being done for it before is given up. */
export async function towardsSound(action) {
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

export async function start(piece, { at = 0, record = true, note = "" } = {}) {
  player.piece = piece;
  if (piece.recipe) showRecipe(piece.recipe);
  else $("lofi").checked = piece.lofi;
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

export function factsOf(piece) {
  const { key, metre, bpm, bars, seconds } = piece.view;
  return [key && `about ${key}`, metre, `♩ = ${Math.round(bpm)}`, `${bars.length} bars`, clock(seconds)].filter(Boolean).join(" · ");
}

function describe(piece) {
  $("title").textContent = titleOf(piece);
  document.title = `${titleOf(piece)} – musictool`;
  $("facts").textContent = factsOf(piece) + (piece.view.loops ? " · its end goes round in circles" : "");
  $("total").textContent = clock(piece.view.seconds);
  $("keep").disabled = !piece.recipe;
  $("lofi").disabled = $("edit-this").disabled = false;
  showKept();
  $("previous").disabled = false;
  $("command").textContent = piece.command ?? "";
  $("command").parentElement.hidden = !piece.command;
  $("address-is").hidden = !piece.recipe;
  const forms = [".mid", ".mp3", ".musicxml", ...(piece.command ? [".json"] : [])];
  $("downloads").replaceChildren(...forms.map((form) => {
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
    const tell = (name, values) => say(inWords(name, values));
    if (piece.recipe) await make(piece.recipe, [form], { tell });
    else await hear(piece.upload, [form], { tell, lofi: piece.lofi });
    const isLofi = (piece.recipe ?? piece).lofi && form === ".mp3";
    const name = piece.recipe ? piece.name : piece.name.replace(/\.\w+$/, "");
    const link = element("a", { href: fileOf(piece, form), download: `${name}${isLofi ? "-lofi" : ""}${form}` });
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
export function another() {
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

export function playRecipe(values, options) {
  return towardsSound(async (during) => {
    forgetNext();
    await start(await make(values, [SOUND], during), options);
  });
}

export function playUpload(upload, { lofi = false, ...options } = {}) {
  return towardsSound(async (during) => {
    forgetNext();
    await start(await hear(upload, [SOUND], { ...during, lofi }), options);
  });
}

async function playOrPause() {
  if (!audio.paused) {
    player.making?.abort();
    audio.pause();
  } else if (player.making) return;
  else if (player.editing) await player.editing();
  else if (player.wanted) {
    const values = player.wanted;
    player.wanted = null;
    await playRecipe(values);
  } else if (!player.piece) await another();
  else if (audio.ended && !isYours(player.piece)) await another();
  else await audio.play().catch((error) => say(error.message, true));
}

function previous() {
  if (player.editing) return;
  if (audio.currentTime > SKIP_SECONDS || player.place < 1) audio.currentTime = 0;
  else {
    player.place -= 1;
    playRecipe(heard[player.place].recipe, { record: false });
  }
}

function next() {
  if (player.editing) return;
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

export function listHeard() {
  $("nothing-heard").hidden = heard.length > 0;
  const shown = heard.map((entry, place) => [entry, place]).slice(-60).reverse();
  $("heard").replaceChildren(...shown.map(([entry, place]) => pieceItem(entry, {
    current: place === player.place,
    play: () => { player.place = place; playRecipe(entry.recipe, { record: false }); },
  })));
}

export function pieceItem({ name, line, recipe: values }, { play, current = false, buttons = [] }) {
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

export async function listKept() {
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
audio.addEventListener("ended", () => { if (!timeIsUp() && !player.editing && !isYours(player.piece)) next(); });
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
export const volume = () => (Number($("volume").value) / 100) ** 2;

export function setVolume() {
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
  if (!player.piece) return;
  const lofi = $("lofi").checked;
  const options = { record: false, note: lofi ? "with rain and a worn tape" : "" };
  if (player.piece.recipe) playRecipe({ ...player.piece.recipe, lofi }, options);
  else playUpload(player.piece.upload, { ...options, lofi });
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
    ArrowRight: () => { if (event.target.closest("input") || player.editing) return false; next(); },
    ArrowLeft: () => { if (event.target.closest("input") || player.editing) return false; previous(); },
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
