/** The demo's steps as a line: state, time, what happened. */

import { find, say } from "./dom.js";
import { duration, text } from "./texts.js";

type State = "waiting" | "running" | "ok" | "failed" | "skipped";

export interface StepEvent {
  id: string;
  state: "running" | "ok" | "failed";
  ms: number;
  text: string;
}

interface Row {
  item: HTMLElement;
  state: State;
  ms: number;
}

/** Shows each step's state and the sum of them. */
export class Steps {
  readonly #rows = new Map<string, Row>();
  readonly #progress = find("#progress", HTMLElement);
  readonly #now = find("#progress-now", HTMLElement);
  readonly #ticks = [...document.querySelectorAll<HTMLElement>("#ticks i")];

  constructor() {
    for (const item of document.querySelectorAll<HTMLElement>("[data-step]")) {
      this.#rows.set(item.dataset.step ?? "", { item, state: "waiting", ms: 0 });
    }
  }

  /** Whether the steps have the strap: some have begun, not all have ended. */
  get busy(): boolean {
    const states = [...this.#rows.values()].map((row) => row.state);
    return states.some((state) => state === "running" || state === "ok") && states.some((state) => state === "running" || state === "waiting");
  }

  /** Take one step's news. */
  apply(event: StepEvent): void {
    const row = this.#rows.get(event.id);
    if (!row) return;
    row.ms = event.ms;
    this.#show(row, event.state);
    say(find(".step-time", HTMLElement, row.item), event.state === "running" ? "" : duration(event.ms));
    say(find(".step-text", HTMLElement, row.item), event.text);
    if (event.state === "failed") {
      for (const other of this.#rows.values()) if (other.state === "waiting") this.#show(other, "skipped");
    }
    this.#sum();
  }

  #show(row: Row, state: State): void {
    row.state = state;
    row.item.dataset.state = state;
    find("use", SVGUseElement, row.item).setAttribute("href", `#icon-${state}`);
    say(find(".step-word", HTMLElement, row.item), text(`state.${state}`));
    if (state === "running") row.item.setAttribute("aria-current", "step");
    else row.item.removeAttribute("aria-current");
  }

  #sum(): void {
    const rows = [...this.#rows.values()];
    rows.forEach((row, index) => {
      const tick = this.#ticks[index];
      if (tick) tick.dataset.state = row.state;
    });
    const done = rows.filter((row) => row.state === "ok").length;
    say(this.#progress, text("steps.progress", { done, all: rows.length }));
    say(this.#now, this.#sentence(rows, done));
  }

  #sentence(rows: readonly Row[], done: number): string {
    if (done === rows.length) {
      return text("steps.finished", { time: duration(rows.reduce((sum, row) => sum + row.ms, 0)) });
    }
    const failed = rows.findIndex((row) => row.state === "failed");
    const at = failed >= 0 ? failed : rows.findIndex((row) => row.state === "running");
    const row = rows[at];
    if (!row) return this.#now.textContent ?? "";
    const title = find(".step-title", HTMLElement, row.item).textContent ?? "";
    return text(failed >= 0 ? "steps.stopped" : "steps.now", { number: at + 1, title });
  }
}
