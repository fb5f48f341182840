/* Writing in the middle: bars and tracks of a piece are written again in four takes, single notes stay; and a melody is
   drawn and harmonised. The server writes; the piece is an upload there, and so is each take. */

import { KEYS, TEMPOS } from "./genres.js";
import { factsOf, pieceItem, player, playUpload, say, start, towardsSound } from "./player.js";
import { chosenModel, titled } from "./recipe.js";
import { colourOf } from "./roll.js";
import { $, ask, audio, element, hear, inWords, outcome, takeIn } from "./server.js";
import { Sheet, STEPS } from "./sheet.js";
import { show } from "./views.js";

const TAKES = 4;
const VOICES = 4;
const PITCHES = [57, 82]; // in which one draws: A3 to A5
const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const KEYS_EDIT = "On the roll: ← → ↑ ↓ go from note to note, Enter locks one, Shift with ← → marks bars, Esc marks nothing. A click on a note locks it; a click or a drag marks bars.";
const KEYS_DRAW = "On the roll: ← → ↑ ↓ move the pen, Enter writes a note or takes it away, Shift with ← → makes it shorter or longer. A click writes a note, a drag a longer one; a click on a note takes it away.";

/* chain: of pieces, each with what was marked on it; the last is worked on. drawing: {notes, bars, tempo, before, upload} */
const edit = { chain: [], takes: [], shown: null, drawing: null, isDrawing: false, making: null, editors: [] };
const current = () => edit.chain.at(-1);
const isDrawn = (piece) => piece.upload === edit.drawing?.upload;
const sheet = new Sheet({ note: touchNote, bars: touchBars, cell: writeNote });
const nameOf = (pitch) => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;

/* ------------------------------------------------------------------------------------------------ a piece */

/* Work on music that the server has. */
export async function openMusic(upload) {
  try {
    say("one moment …");
    const piece = await hear(upload, [], { tell: (name, values) => say(inWords(name, values)) });
    say("");
    stop();
    Object.assign(edit, { chain: [entry(piece)], takes: [], shown: null, isDrawing: false });
    render();
    $("sheet").focus({ preventScroll: true });
  } catch (error) {
    say(error.message, true);
  }
}

function entry(piece, { bars = [], tracks = [], locks = [] } = {}) {
  return { ...piece, bars: new Set(bars), tracks: new Set(tracks), locks: new Set(locks) };
}

/* The piece that is heard, to be worked on. */
async function openPlaying() {
  const { piece } = player;
  show("edit");
  if (!piece) return;
  if (piece.upload) return openMusic(piece.upload);
  try {
    await openMusic((await ask("/api/continued", { recipe: piece.recipe })).upload);
  } catch (error) {
    say(error.message, true);
  }
}

function render() {
  const piece = current();
  $("edit-start").hidden = Boolean(piece) || edit.isDrawing;
  $("edit-tools").hidden = !piece || edit.isDrawing;
  $("draw-tools").hidden = !edit.isDrawing;
  $("sheet-keys").textContent = edit.isDrawing ? KEYS_DRAW : piece ? KEYS_EDIT : "";
  $("moving").hidden = player.editing !== null && (Boolean(piece) || edit.isDrawing);
  $("still").hidden = $("pointed").hidden = $("sheet-titles").hidden = !$("moving").hidden;
  $("titles").hidden = player.editing !== null;
  if (edit.isDrawing) return renderDrawing();
  if (!piece) return;
  sheet.forget();
  sheet.bars = piece.bars;
  if (edit.shown) sheet.fresh = freshIn(edit.shown.view, piece.view);
  else Object.assign(sheet, { tracks: piece.tracks, locks: piece.locks });
  sheet.show((edit.shown ?? piece).view);
  name((edit.shown ?? piece).name, factsOf(edit.shown ?? piece));
  listTracks(piece);
  listTakes();
  marked();
  $("edit-chain").textContent = edit.chain.map((each) => each.name).join("  →  ");
}

/* Say what is on the sheet; the timeline below is that of what is heard. */
function name(title, facts) {
  $("sheet-title").textContent = title;
  $("sheet-facts").textContent = facts;
  follow();
}

/* What is marked has changed. */
function marked() {
  const piece = current();
  const isSome = piece.bars.size > 0 || piece.tracks.size > 0;
  if (document.activeElement !== $("edit-bars")) $("edit-bars").value = spansOf(piece.bars);
  $("again").disabled = !isSome || !edit.editors.length || edit.making !== null;
  $("harmonise").disabled = !edit.editors.length || edit.making !== null;
  $("edit-stop").hidden = edit.making === null;
  $("edit-leave").hidden = !edit.takes.length;
  $("edit-undo").disabled = !(edit.takes.length || edit.chain.length > 1 || isDrawn(piece));
  sheet.draw();
}

/* Bars or notes, counted from 0, as "5-8,12", counted from 1. */
function spansOf(numbers) {
  const spans = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    if (spans.length && spans.at(-1)[1] === number - 1) spans.at(-1)[1] = number;
    else spans.push([number, number]);
  }
  return spans.map(([first, last]) => (first === last ? `${first + 1}` : `${first + 1}-${last + 1}`)).join(",");
}

function typeBars() {
  const piece = current();
  const bars = new Set();
  for (const part of $("edit-bars").value.split(",").filter((text) => text.trim())) {
    const found = part.match(/^\s*(\d+)\s*(?:[-–]\s*(\d+)\s*)?$/);
    const [first, last] = found ? [Number(found[1]), Number(found[2] ?? found[1])] : [0, 0];
    if (first < 1 || last < first || last > piece.view.bars.length) return say(`This piece has bars 1 to ${piece.view.bars.length}; write them like 5-8,12.`, true);
    for (let bar = first; bar <= last; bar++) bars.add(bar - 1);
  }
  say("");
  sheet.bars = piece.bars = bars;
  if (bars.size) sheet.follow(piece.view.bars[Math.min(...bars)]);
  marked();
}

function listTracks(piece) {
  const legend = $("edit-tracks").querySelector("legend");
  $("edit-tracks").replaceChildren(legend, ...piece.view.tracks.map((track, index) => {
    const box = element("input", { type: "checkbox", checked: piece.tracks.has(index) });
    box.addEventListener("change", () => {
      if (box.checked) piece.tracks.add(index);
      else piece.tracks.delete(index);
      if (isToEdit()) marked();
      else box.checked = !box.checked;
    });
    const swatch = element("span", { className: "swatch" });
    swatch.style.background = colourOf(piece.view, index);
    return element("label", {}, box, swatch, `${index + 1} ${track.name}`);
  }));
}

/* Whether the piece itself is shown, and not a take of it. */
function isToEdit() {
  if (edit.shown) say("Keep this take first, or leave it.", true);
  return !edit.shown;
}

function touchNote(index) {
  if (edit.isDrawing) return eraseNote(index);
  if (!isToEdit()) return;
  const { locks } = current();
  if (locks.has(index)) locks.delete(index);
  else locks.add(index);
  sheet.pointed = null;
  marked();
  tellNote(index);
}

function touchBars(first, last, isClick) {
  if (edit.isDrawing || !isToEdit()) return;
  const piece = current();
  const isOnly = isClick && piece.bars.size === 1 && piece.bars.has(first);
  sheet.bars = piece.bars = new Set();
  for (let bar = first; bar <= last && !isOnly; bar++) piece.bars.add(bar);
  marked();
  tellBars();
}

function tellNote(index) {
  const [onset, , pitch, track] = sheet.view.notes[index];
  const where = `bar ${sheet.barAt(onset) + 1}`;
  const state = sheet.locks.has(index) ? "locked" : sheet.isFree(sheet.view.notes[index], index) ? "to be written anew" : "stays";
  $("pointed").textContent = `${nameOf(pitch)}, ${where}, ${sheet.view.tracks[track].name}, ${state}`;
}

function tellBars() {
  const { bars } = current();
  $("pointed").textContent = bars.size ? `bar ${spansOf(bars)} to be written anew` : "no bar is marked";
}

/* ---- takes ---- */

function stop() {
  edit.making?.abort();
  edit.making = null;
}

/* Four takes of what is marked, one after another; the first plays as soon as it is there. */
async function again(changes) {
  const base = current();
  stop();
  const abort = (edit.making = new AbortController());
  Object.assign(edit, { takes: [], shown: null });
  render();
  try {
    for (let take = 1; take <= TAKES; take++) {
      const body = { upload: base.upload, edit: { ...asked(base), ...changes, seed: 1 + crypto.getRandomValues(new Uint16Array(1))[0] }, form: ".wav" };
      const tell = (name, values) => say(`take ${take}: ${inWords(name, values)}`);
      const piece = await outcome("/api/infill", body, "piece", { signal: abort.signal, tell });
      if (edit.making !== abort) return;
      edit.takes.push(piece);
      listTakes();
      marked();
      if (take === 1) await playTake(piece);
    }
    say("");
  } catch (error) {
    if (error.name !== "AbortError") say(error.message, true);
  } finally {
    if (edit.making === abort) edit.making = null;
    if (current() === base) marked();
  }
}

const harmonise = () => again({ voices: VOICES, lock: null, tracks: null, keep_rhythm: false });

/* What is marked, as the server is asked. */
function asked(piece) {
  return {
    model: $("edit-model").value,
    bars: spansOf(piece.bars) || null,
    tracks: [...piece.tracks].map((track) => track + 1).join(",") || null,
    lock: spansOf(piece.locks) || null,
    keep_rhythm: $("edit-rhythm").checked,
    key: $("edit-key").value || null,
    temperature: Number($("edit-temperature").value),
  };
}

const same = (note) => note.slice(0, 4).join();

/* The notes of a take that the piece has not. */
function freshIn(view, before) {
  const known = new Set(before.notes.map(same));
  return new Set(view.notes.flatMap((note, index) => (known.has(same(note)) ? [] : [index])));
}

function listTakes() {
  $("edit-takes").replaceChildren(...edit.takes.map((piece, index) => {
    const keep = element("button", { type: "button", textContent: "Keep", "aria-label": `Keep take ${index + 1}` });
    keep.addEventListener("click", () => keepTake(piece));
    const count = freshIn(piece.view, current().view).size;
    const about = { name: `Take ${index + 1}`, line: `${count} new notes · ${factsOf(piece)}` };
    return pieceItem(about, { play: () => playTake(piece), current: piece === edit.shown, buttons: [keep] });
  }));
}

/* Hear a take from a little before what is new in it, and see it. */
async function playTake(piece) {
  edit.shown = piece;
  render();
  const first = Math.min(...[...sheet.fresh].map((index) => piece.view.notes[index][0]), ...[...current().bars].map((bar) => piece.view.bars[bar] ?? 0));
  const at = Number.isFinite(first) ? Math.max(0, first - 1.5) : 0;
  sheet.follow(at);
  // the server may have swept its sound away, and then makes it again
  await towardsSound(async (during) => start(await hear(piece.upload, [piece.sound], during), { at, record: false }));
}

/* A take becomes the piece; what was marked and locked stays so. */
function keepTake(piece) {
  stop();
  const before = current();
  const locked = new Set([...before.locks].map((index) => same(before.view.notes[index])));
  const locks = piece.view.notes.flatMap((note, index) => (locked.has(same(note)) ? [index] : []));
  edit.chain.push(entry(piece, { bars: before.bars, tracks: before.tracks, locks }));
  Object.assign(edit, { takes: [], shown: null });
  render();
  say(`${piece.name} it is. Mark what is to be written next.`);
  $("sheet").focus({ preventScroll: true });
}

function leave() {
  stop();
  Object.assign(edit, { takes: [], shown: null });
  render();
  say("as it was");
}

function undo() {
  if (edit.isDrawing) return undoDrawing();
  if (edit.takes.length || edit.making) return leave();
  if (edit.chain.length > 1) edit.chain.pop();
  else if (current() && isDrawn(current())) Object.assign(edit, { chain: [], isDrawing: true });
  render();
}

/* ------------------------------------------------------------------------------------------------ a melody */

function draw() {
  stop();
  edit.drawing ??= { notes: [], before: [], upload: null };
  Object.assign(edit, { isDrawing: true, takes: [], shown: null, chain: [] });
  sheet.forget();
  sheet.pen = { step: 0, pitch: 72, steps: Number($("draw-length").value) };
  render();
  $("sheet").focus({ preventScroll: true });
}

/* A drawing as what the page shows of a piece. */
function viewOf(notes) {
  const [bars, tempo] = [Number($("draw-bars").value), Number($("draw-tempo").value)];
  const second = 60 / tempo / 4; // of a sixteenth
  return {
    notes: notes.map(([step, steps, pitch]) => [step * second, steps * second, pitch, 0, 80]),
    bars: Array.from({ length: bars }, (_, bar) => bar * STEPS * second),
    seconds: bars * STEPS * second,
    tracks: [{ name: "Melody", drums: false }],
  };
}

function renderDrawing() {
  const { notes, before } = edit.drawing;
  const pen = sheet.pen ?? { step: 0, pitch: 72, steps: Number($("draw-length").value) };
  sheet.forget();
  sheet.pen = pen;
  sheet.show(viewOf(notes), PITCHES);
  name("A melody", notes.length ? `${notes.length} notes` : "an empty roll");
  $("draw-harmonise").disabled = !notes.length || !edit.editors.length;
  $("draw-clear").disabled = !notes.length;
  $("draw-undo").disabled = !before.length;
}

/* The drawing becomes other notes; which there were is remembered. */
function changeDrawing(notes) {
  const { drawing } = edit;
  drawing.before.push(drawing.notes);
  drawing.notes = notes.sort((a, b) => a[0] - b[0]);
  drawing.upload = null;
  render();
}

function undoDrawing() {
  const notes = edit.drawing.before.pop();
  if (!notes) return;
  Object.assign(edit.drawing, { notes, upload: null });
  render();
}

/* A note of the melody; one that sounds where it begins ends there, and those that it covers go. */
function writeNote({ step, pitch, steps }) {
  const most = Number($("draw-bars").value) * STEPS;
  if (step >= most || pitch < PITCHES[0] || pitch >= PITCHES[1]) return;
  const end = Math.min(most, step + steps);
  const others = edit.drawing.notes.filter(([onset]) => onset < step || onset >= end)
    .map(([onset, length, height]) => [onset, onset < step ? Math.min(length, step - onset) : length, height]);
  sheet.pen = { ...sheet.pen, step, pitch };
  changeDrawing([...others, [step, end - step, pitch]]);
  tellPen();
}

function eraseNote(index) {
  changeDrawing(edit.drawing.notes.filter((_, each) => each !== index));
}

function tellPen() {
  const { step, pitch } = sheet.pen;
  const isNote = edit.drawing.notes.some((note) => note[0] === step && note[2] === pitch);
  $("pointed").textContent = `${nameOf(pitch)}, bar ${Math.floor(step / STEPS) + 1}, beat ${(step % STEPS) / 4 + 1}${isNote ? ", a note" : ""}`;
}

function fitDrawing() {
  const most = Number($("draw-bars").value) * STEPS;
  const fitting = edit.drawing.notes.filter(([step]) => step < most).map(([step, steps, pitch]) => [step, Math.min(steps, most - step), pitch]);
  changeDrawing(fitting);
  sheet.pen.step = Math.min(sheet.pen.step, most - 1);
}

/* The drawing as music of the server's. */
async function uploadDrawing() {
  const { drawing } = edit;
  if (!drawing.upload) {
    const body = { notes: drawing.notes, bars: Number($("draw-bars").value), tempo: Number($("draw-tempo").value) };
    drawing.upload = (await ask("/api/drawn", body)).upload;
  }
  return drawing.upload;
}

async function harmoniseDrawing() {
  try {
    await openMusic(await uploadDrawing());
    if (current()) await harmonise();
  } catch (error) {
    say(error.message, true);
  }
}

/* ------------------------------------------------------------------------------------------------ keys */

const EDIT_KEYS = {
  ArrowRight: (event) => (event.shiftKey ? stretchBars(1) : pointAt(1)),
  ArrowLeft: (event) => (event.shiftKey ? stretchBars(-1) : pointAt(-1)),
  ArrowUp: () => pointAbove(1),
  ArrowDown: () => pointAbove(-1),
  Enter: () => {
    const index = sheet.pointed;
    if (index === null) return;
    touchNote(index);
    sheet.pointed = index;
    sheet.draw();
  },
  Escape: () => {
    if (!isToEdit()) return;
    const piece = current();
    [piece.bars, piece.tracks] = [new Set(), new Set()];
    Object.assign(sheet, { bars: piece.bars, tracks: piece.tracks, pointed: null });
    listTracks(piece);
    marked();
    tellBars();
  },
};

const DRAW_KEYS = {
  ArrowRight: (event) => movePen(event.shiftKey ? { steps: 1 } : { step: 1 }),
  ArrowLeft: (event) => movePen(event.shiftKey ? { steps: -1 } : { step: -1 }),
  ArrowUp: () => movePen({ pitch: 1 }),
  ArrowDown: () => movePen({ pitch: -1 }),
  Enter: () => {
    const { step, pitch, steps } = sheet.pen;
    const index = edit.drawing.notes.findIndex((note) => note[0] === step && note[2] === pitch);
    if (index >= 0) eraseNote(index);
    else {
      writeNote(sheet.pen);
      movePen({ step: steps });
    }
  },
};

/* The next note in time, or the one before. */
function pointAt(by) {
  const count = sheet.view.notes.length;
  const first = sheet.view.notes.findIndex((note) => sheet.bars.has(sheet.barAt(note[0])));
  point(sheet.pointed === null ? Math.max(0, first) : Math.min(count - 1, Math.max(0, sheet.pointed + by)));
}

/* The next higher (1) or lower (-1) note of those that sound with this one. */
function pointAbove(by) {
  if (sheet.pointed === null) return pointAt(by);
  const [onset, duration, pitch] = sheet.view.notes[sheet.pointed];
  const others = sheet.view.notes.map((note, index) => [note, index])
    .filter(([note]) => (note[2] - pitch) * by > 0 && note[0] < onset + duration - 0.002 && note[0] + note[1] > onset + 0.002);
  others.sort(([a], [b]) => (a[2] - b[2]) * by || Math.abs(a[0] - onset) - Math.abs(b[0] - onset));
  if (others.length) point(others[0][1]);
}

function point(index) {
  sheet.pointed = index;
  sheet.follow(sheet.view.notes[index][0]);
  sheet.draw();
  tellNote(index);
}

/* One bar more that is marked, or one less; the first is the one where the keyboard is. */
function stretchBars(by) {
  if (!isToEdit()) return;
  const piece = current();
  const last = piece.view.bars.length - 1;
  if (!piece.bars.size) piece.bars.add(sheet.pointed === null ? 0 : sheet.barAt(sheet.view.notes[sheet.pointed][0]));
  else {
    const end = Math.max(...piece.bars);
    if (by > 0 && end < last) piece.bars.add(end + 1);
    else if (by < 0) piece.bars.delete(end);
  }
  if (piece.bars.size) sheet.follow(piece.view.bars[Math.max(...piece.bars)]);
  marked();
  tellBars();
}

function movePen({ step = 0, pitch = 0, steps = 0 }) {
  const most = Number($("draw-bars").value) * STEPS;
  const within = (value, low, high) => Math.min(high, Math.max(low, value));
  // a step of the pen is as wide as its note, up to a quarter
  const stride = Math.abs(step) === 1 ? step * Math.min(4, sheet.pen.steps) : step;
  sheet.pen = {
    step: within(sheet.pen.step + stride, 0, most - 1),
    pitch: within(sheet.pen.pitch + pitch, PITCHES[0], PITCHES[1] - 1),
    steps: within(sheet.pen.steps + steps, 1, STEPS),
  };
  sheet.follow((sheet.pen.step / most) * sheet.end);
  sheet.draw();
  tellPen();
}

$("sheet").addEventListener("keydown", (event) => {
  if (event.altKey || !sheet.view) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "z") undo();
  else if (event.ctrlKey || event.metaKey) return;
  else {
    const action = (edit.isDrawing ? DRAW_KEYS : EDIT_KEYS)[event.key];
    if (!action) return;
    action(event);
  }
  event.preventDefault();
  event.stopPropagation();
});

/* ------------------------------------------------------------------------------------------------ the view */

/* What play plays here: what is on the sheet. */
async function playSheet() {
  try {
    const upload = edit.isDrawing ? edit.drawing.notes.length && (await uploadDrawing()) : (edit.shown ?? current())?.upload;
    if (!upload) return say("Draw a melody first, or open a piece.", true);
    if (player.piece?.upload === upload && audio.getAttribute("src")) await audio.play();
    else await playUpload(upload, { record: false });
  } catch (error) {
    say(error.message, true);
  }
}

let ticking = 0; // the next frame

/* The cursor, while the piece that is shown is the one that is heard. */
function follow() {
  const upload = edit.isDrawing ? edit.drawing.upload : (edit.shown ?? current())?.upload;
  const isHeard = upload && player.piece?.upload === upload && !player.piece.lofi;
  $("timeline").hidden = player.editing !== null && !$("still").hidden && upload !== player.piece?.upload;
  sheet.time = isHeard ? audio.currentTime : null;
  if (isHeard && !audio.paused) sheet.follow(audio.currentTime);
  sheet.draw();
  cancelAnimationFrame(ticking);
  if (!audio.paused && player.editing) ticking = requestAnimationFrame(follow);
}

async function listEditors() {
  const { models, message } = await ask("/api/editors");
  edit.editors = models;
  const chosen = $("edit-model").value || chosenModel();
  $("edit-model").replaceChildren(...models.map((name) => element("option", { value: name, textContent: titled(name) })));
  if (models.includes(chosen)) $("edit-model").value = chosen;
  $("edit-none").hidden = !message;
  $("edit-none").textContent = message;
  render();
}

document.addEventListener("view", ({ detail: view }) => {
  const isShown = view === "edit";
  if (!isShown) stop();
  player.editing = isShown ? playSheet : null;
  for (const id of ["genres", "previous", "next", "keep", "edit-this"]) $(id).hidden = isShown;
  if (isShown) listEditors().catch((error) => say(error.message, true));
  $("timeline").hidden = false;
  render();
});

const option = (value, textContent) => element("option", { value, textContent });
$("edit-key").append(...KEYS.map((key) => option(key, key)));
$("draw-tempo").append(...TEMPOS.map((bpm) => option(bpm, `${bpm} bpm`)));
$("draw-tempo").value = "96";

for (const name of ["play", "seeked"]) audio.addEventListener(name, follow);
$("edit-this").addEventListener("click", openPlaying);
$("edit-file").addEventListener("change", async () => {
  const [file] = $("edit-file").files;
  if (!file) return;
  try {
    await openMusic((await takeIn(file)).upload);
  } catch (error) {
    say(`${file.name}: ${error.message}`, true);
  }
  $("edit-file").value = "";
});
$("edit-bars").addEventListener("change", typeBars);
$("edit-temperature").addEventListener("input", () => ($("edit-temperature-value").value = Number($("edit-temperature").value).toFixed(2)));
$("again").addEventListener("click", () => again({}));
$("harmonise").addEventListener("click", harmonise);
$("edit-stop").addEventListener("click", () => { stop(); marked(); say("stopped"); });
$("edit-leave").addEventListener("click", leave);
$("edit-undo").addEventListener("click", undo);
$("draw").addEventListener("click", draw);
$("draw-length").addEventListener("change", () => { sheet.pen.steps = Number($("draw-length").value); sheet.draw(); });
for (const id of ["draw-bars", "draw-tempo"]) $(id).addEventListener("change", fitDrawing);
$("draw-harmonise").addEventListener("click", harmoniseDrawing);
$("draw-undo").addEventListener("click", undo);
$("draw-clear").addEventListener("click", () => changeDrawing([]));
