/* Which part of the page is shown. */

import { $ } from "./server.js";

const VIEWS = ["play", "yours", "edit", "listen"];

/* The one that is shown. */
export const view = () => document.body.dataset.view;

/* Show one of VIEWS; whoever has something to begin or to end with it hears of it. */
export function show(view) {
  document.body.dataset.view = view;
  for (const name of VIEWS) $(`${name}-view`).hidden = name !== view;
  $("stage").hidden = $("away").hidden = view === "listen";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.dispatchEvent(new CustomEvent("view", { detail: view }));
}
