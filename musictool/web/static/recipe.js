/* What the knobs say, as what makes a piece. */

import { $, element } from "./server.js";

export const models = []; // that can play, as the server lists them

export const drawnSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] >>> 1;
export const chosenModel = () => document.querySelector("input[name=genre]:checked")?.value ?? "";
export const titled = (name) => name.replace(/[-_]+/g, " ").replace(/^./, (letter) => letter.toUpperCase());

export function recipe(seed) {
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
export function showRecipe(values) {
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

export function knobsOfModel() {
  const model = models.find((each) => each.name === chosenModel());
  $("density-knob").hidden = !model?.density;
  $("label-knob").hidden = !model?.labels.length;
  $("temperature").disabled = model?.kind === "segments";
  const label = $("label").value;
  $("label").replaceChildren(element("option", { value: "", textContent: "any" }), ...(model?.labels ?? []).map((text) => element("option", { value: text, textContent: text })));
  if (model?.labels.includes(label)) $("label").value = label;
}
