/* What there is to choose from: models, keys, instruments and so on. */

import { another, player, setVolume } from "./player.js";
import { chosenModel, knobsOfModel, models, titled } from "./recipe.js";
import { $, ask, element, remembered } from "./server.js";

export const KEYS = ["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"].map((tonic) => `${tonic} major`)
  .concat(["C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"].map((tonic) => `${tonic} minor`));
const INSTRUMENTS = ["Acoustic Grand Piano", "Electric Piano 1", "Harpsichord", "Music Box", "Vibraphone", "Marimba", "Church Organ", "Accordion",
  "Acoustic Guitar (nylon)", "Acoustic Guitar (steel)", "Violin", "Cello", "Orchestral Harp", "String Ensemble 1", "Choir Aahs", "Trumpet",
  "Brass Section", "Alto Sax", "Oboe", "Clarinet", "Flute", "Pan Flute", "Pad 2 (warm)", "Sitar", "Kalimba"];
export const TEMPOS = [50, 60, 72, 84, 96, 108, 120, 132, 144, 160, 180, 208];

export function fill() {
  const option = (value, textContent) => element("option", { value, textContent });
  $("bars").append(...[8, 16, 32, 64, 128].map((bars) => option(bars, `${bars} bars`)));
  $("bars").value = "32";
  $("key").append(...KEYS.map((key) => option(key, key)));
  $("tempo").append(...TEMPOS.map((bpm) => option(bpm, `${bpm} bpm`)));
  $("instrument").append(...INSTRUMENTS.map((name) => option(name, name)));
  $("density").append(...[1, 2, 4, 6, 8, 12, 16].map((notes) => option(notes, `${notes} notes a second`)));
  $("volume").value = remembered.get("volume", "80");
  setVolume();
}

export async function listModels(choice) {
  const before = choice ?? chosenModel();
  models.splice(0, models.length, ...await ask("/api/models"));
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
