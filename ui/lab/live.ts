/** The stream of events, taken up again where it broke. */

import { find, say } from "./dom.js";
import { text } from "./texts.js";

export type Handlers = Record<string, (data: unknown) => void>;

const AGAIN_MS = 3_000;

/** Follow the bench for as long as the page is open. */
export class Live {
  readonly #handlers: Handlers;
  readonly #mark = find("#link", HTMLElement);
  readonly #word = find("#link-word", HTMLElement);
  readonly #notice = find("#lost", HTMLElement);
  #run = "";
  #last = 0;

  constructor(handlers: Handlers) {
    this.#handlers = handlers;
    this.#connect();
  }

  #connect(): void {
    const source = new EventSource(`events?after=${this.#last}`);
    source.addEventListener("open", () => this.#show("live"));
    source.addEventListener("error", () => {
      this.#show("lost");
      // Browsers try again by themselves after a broken link, but not after an error status.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.#connect(), AGAIN_MS);
    });
    source.addEventListener("hello", (event) => this.#greet(event));
    for (const [kind, handle] of Object.entries(this.#handlers)) {
      source.addEventListener(kind, (event) => {
        this.#last = Number(event.lastEventId);
        handle(JSON.parse(event.data as string));
      });
    }
  }

  /** Begin afresh when another run answers: its events count from one again. */
  #greet(event: MessageEvent): void {
    const { run } = JSON.parse(event.data as string) as { run: string };
    if (this.#run && this.#run !== run) location.reload();
    this.#run = run;
  }

  #show(state: "live" | "lost"): void {
    this.#mark.dataset.state = state;
    say(this.#word, text(`link.${state}`));
    this.#notice.hidden = state === "live";
  }
}
