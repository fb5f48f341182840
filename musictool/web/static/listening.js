/* The blind test. */

import { volume } from "./player.js";
import { titled } from "./recipe.js";
import { $, SOUND, ask, audio, element, outcome } from "./server.js";

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

document.addEventListener("view", ({ detail: view }) => {
  if (view !== "listen") return silence();
  audio.pause();
  openTest().catch((error) => ($("listen-none").textContent = error.message));
});
