/** The stream of events, taken up again where it broke. */
import { find, say } from "./dom.js";
import { text } from "./texts.js";
const AGAIN_MS = 3_000;
/** Follow the bench for as long as the page is open. */
export class Live {
    #handlers;
    #mark = find("#link", HTMLElement);
    #word = find("#link-word", HTMLElement);
    #notice = find("#lost", HTMLElement);
    #run = "";
    #last = 0;
    constructor(handlers) {
        this.#handlers = handlers;
        this.#connect();
    }
    #connect() {
        const source = new EventSource(`events?after=${this.#last}`);
        source.addEventListener("open", () => this.#show("live"));
        source.addEventListener("error", () => {
            this.#show("lost");
            // Browsers try again by themselves after a broken link, but not after an error status.
            if (source.readyState === EventSource.CLOSED)
                setTimeout(() => this.#connect(), AGAIN_MS);
        });
        source.addEventListener("hello", (event) => this.#greet(event));
        for (const [kind, handle] of Object.entries(this.#handlers)) {
            source.addEventListener(kind, (event) => {
                this.#last = Number(event.lastEventId);
                handle(JSON.parse(event.data));
            });
        }
    }
    /** Begin afresh when another run answers: its events count from one again. */
    #greet(event) {
        const { run } = JSON.parse(event.data);
        if (this.#run && this.#run !== run)
            location.reload();
        this.#run = run;
    }
    #show(state) {
        this.#mark.dataset.state = state;
        say(this.#word, text(`link.${state}`));
        this.#notice.hidden = state === "live";
    }
}
