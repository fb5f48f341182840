/* The page begins here.

   server      asking: JSON, streams of events, and patience when others are before us
   recipe      what the knobs say, as what makes a piece
   roll        the picture, drawn as it plays
   player      pieces one after another
   genres      what there is to choose from
   views       which part of the page is shown
   yours       dropped music: continued, or learnt
   edit        bars and tracks written anew, a melody drawn and harmonised
   listening   the blind test

   Text from anywhere goes into the page as text, never as HTML. */

import { fill, listModels } from "./genres.js";
import { listHeard, listKept, player, say } from "./player.js";
import { models, showRecipe, titled } from "./recipe.js";
import { $ } from "./server.js";
import { show } from "./views.js";
import "./edit.js";
import "./listening.js";
import "./yours.js";

for (const link of document.querySelectorAll("[data-view]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    show(link.dataset.view);
    const piece = player.piece?.recipe ? player.piece.address : "/";
    history.replaceState(null, "", link.dataset.view === "listen" ? "/listen" : piece);
  });
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
