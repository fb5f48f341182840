/* Dropped music: continued, or learnt. */

import { openMusic } from "./edit.js";
import { listModels } from "./genres.js";
import { another, factsOf, pieceItem, playRecipe, playUpload, say } from "./player.js";
import { chosenModel, drawnSeed, recipe } from "./recipe.js";
import { style, surface } from "./roll.js";
import { $, ask, element, inWords, make, outcome, takeIn } from "./server.js";
import { show, view } from "./views.js";

const READABLE = /\.(mid|midi|kar|mxl|xml|musicxml|krn|abc|npz|npy)$/i;
const MOST_FILES = 200;
const MOST_SAMPLES = 8;
const yours = { chain: [], lesson: null, learning: null }; // chain: of {upload, name}, what is continued at last

/* One file is to be continued; several are to be learnt. */
async function dropped(files) {
  const list = [...files].filter((file) => READABLE.test(file.name)).slice(0, MOST_FILES);
  const isToEdit = list.length === 1 && view() === "edit";
  if (!isToEdit) show("yours");
  if (!list.length) return report(["No music that can be read: MIDI, MusicXML, ABC or Humdrum."], true);
  if (list.length === 1) {
    try {
      report([`reading ${list[0].name} …`]);
      const music = await takeIn(list[0]);
      report([]);
      if (isToEdit) return openMusic(music.upload);
      yours.chain = [music];
      $("takes").replaceChildren();
      showChain();
      playUpload(music.upload);
    } catch (error) {
      show("yours");
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
          $("teach-samples").prepend(pieceItem({ name: values.name, line: "written after this epoch" }, { play: () => playUpload(values.upload) }));
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
  const [context, width, height] = surface(canvas);
  const values = rows.flatMap((row) => [row.loss, row.val_loss]).filter(Number.isFinite);
  const [low, high] = [Math.min(...values), Math.max(...values, Math.min(...values) + 0.01)];
  const x = (index) => 44 + (index / Math.max(1, rows.length - 1)) * (width - 200);
  const y = (value) => 14 + ((high - value) / (high - low)) * (height - 34);
  context.font = "12px system-ui, sans-serif";
  context.fillStyle = style("--quiet");
  context.fillText(high.toFixed(2), 4, 18);
  context.fillText(low.toFixed(2), 4, height - 16);
  for (const [name, words, colour] of [["loss", "loss", "--quiet"], ["val_loss", "on pieces kept aside", "--accent"]]) {
    const points = rows.map((row, index) => [x(index), y(row[name])]).filter(([, at]) => Number.isFinite(at));
    if (!points.length) continue;
    context.strokeStyle = context.fillStyle = style(colour);
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
$("edit-yours").addEventListener("click", () => { show("edit"); openMusic(yours.chain.at(-1).upload); });
$("teach-button").addEventListener("click", teach);
$("teach-stop").addEventListener("click", () => yours.learning?.abort());
