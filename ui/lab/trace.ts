/** The trace: every exchange on the contactless link, by session. */

import { Exchange, type TraceRecord } from "./exchange.js";
import { find, icon, make, say } from "./dom.js";
import { duration, text } from "./texts.js";

export type { TraceRecord } from "./exchange.js";

const SESSIONS_MAX = 100;
const GATHER_MS = 40;
const NEAR_END_PX = 80;

interface Session {
  box: HTMLDetailsElement;
  list: HTMLElement;
  facts: HTMLElement;
  outcome: HTMLElement;
  exchanges: Exchange[];
  touched: boolean;
}

/** Gathers records into exchanges, shows them by session, filters and pauses. */
export class Trace {
  readonly #scroller = find("#trace-list", HTMLElement);
  readonly #filter = find("#trace-filter", HTMLInputElement);
  readonly #follow = find("#trace-follow", HTMLButtonElement);
  readonly #held = find("#trace-held", HTMLElement);
  readonly #count = find("#trace-count", HTMLElement);
  readonly #empty = find("#trace-empty", HTMLElement);
  readonly #none = find("#trace-none", HTMLElement);
  readonly #dropped = find("#trace-dropped", HTMLElement);
  readonly #sessions = new Map<string, Session>();
  #waiting: TraceRecord[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #paused = false;

  constructor() {
    this.#filter.addEventListener("input", () => this.#applyFilter());
    this.#follow.addEventListener("click", () => this.#toggle());
    find("#trace-clear", HTMLButtonElement).addEventListener("click", () => {
      this.#filter.value = "";
      this.#applyFilter();
      this.#filter.focus();
    });
  }

  /** Take one record; records are gathered briefly, so that a long history draws at once. */
  add(record: TraceRecord): void {
    this.#waiting.push(record);
    if (this.#paused) this.#showHeld();
    else this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  #toggle(): void {
    this.#paused = !this.#paused;
    this.#follow.setAttribute("aria-pressed", String(!this.#paused));
    const word = text(this.#paused ? "trace.paused" : "trace.follow");
    say(find("span", HTMLElement, this.#follow), word);
    find("use", SVGUseElement, this.#follow).setAttribute("href", this.#paused ? "#icon-pause" : "#icon-follow");
    if (!this.#paused) this.#flush();
    this.#showHeld();
  }

  #showHeld(): void {
    const commands = this.#waiting.filter((record) => record.dir === ">").length;
    say(this.#held, this.#paused && commands ? text("trace.held", { count: commands }) : "");
  }

  #flush(): void {
    this.#timer = undefined;
    if (this.#paused) return;
    const scroller = this.#scroller;
    const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END_PX;
    const changed = new Set<Session>();
    for (const record of this.#waiting.splice(0)) changed.add(this.#take(record));
    for (const session of changed) summarise(session);
    this.#applyFilter();
    if (atEnd) scroller.scrollTop = scroller.scrollHeight;
  }

  #take(record: TraceRecord): Session {
    const session = this.#session(record);
    const last = session.exchanges.at(-1);
    if (record.dir === "<" && last && !last.answered) {
      last.answer(record);
      return session;
    }
    const exchange = new Exchange(record, session.exchanges[0]?.startUs ?? record.ts_us);
    session.exchanges.push(exchange);
    session.list.append(exchange.item);
    return session;
  }

  #session(record: TraceRecord): Session {
    const key = `${record.link}/${record.session}`;
    const known = this.#sessions.get(key);
    if (known) return known;
    for (const older of this.#sessions.values()) {
      if (!older.touched && !older.box.contains(document.activeElement)) older.box.open = false;
    }
    const made = makeSession(record);
    this.#sessions.set(key, made);
    this.#scroller.append(made.box);
    this.#dropOldest();
    return made;
  }

  #dropOldest(): void {
    const [oldest] = this.#sessions;
    if (this.#sessions.size <= SESSIONS_MAX || !oldest) return;
    oldest[1].box.remove();
    this.#sessions.delete(oldest[0]);
    this.#dropped.hidden = false;
  }

  #applyFilter(): void {
    const terms = this.#filter.value.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean);
    let commands = 0;
    let shown = 0;
    for (const session of this.#sessions.values()) {
      const matching = session.exchanges.filter((exchange) => exchange.match(terms)).length;
      session.box.hidden = matching === 0;
      if (terms.length && matching) session.box.open = true;
      commands += session.exchanges.length;
      shown += matching;
    }
    this.#empty.hidden = commands > 0;
    this.#none.hidden = commands === 0 || shown > 0;
    say(find("span", HTMLElement, this.#none), text("trace.none", { filter: this.#filter.value }));
    const counts = { commands, shown, sessions: this.#sessions.size };
    say(this.#count, commands ? text(terms.length ? "trace.count.filtered" : "trace.count", counts) : "");
  }
}

function makeSession(record: TraceRecord): Session {
  const box = make("details", "session");
  box.open = true;
  const facts = make("span", "session-facts");
  const outcome = make("span", "session-outcome");
  const name = make("h3", "session-name", record.session);
  const head = make("summary", "session-head", icon("open"), name, make("span", "session-link", record.link), facts, outcome);
  const list = make("ol", "exchanges");
  box.append(head, list);
  const session: Session = { box, list, facts, outcome, exchanges: [], touched: false };
  head.addEventListener("click", () => (session.touched = true));
  return session;
}

function summarise(session: Session): void {
  const first = session.exchanges[0];
  const last = session.exchanges.at(-1);
  if (!first || !last) return;
  const count = session.exchanges.length;
  const time = duration((last.endUs - first.startUs) / 1000);
  say(session.facts, text(count === 1 ? "trace.session.one" : "trace.session", { count, time }));
  const cryptogram = session.exchanges.filter((exchange) => exchange.cryptogram).at(-1)?.cryptogram;
  say(session.outcome, cryptogram ?? (last.refused ? last.verdict : ""));
  const held = cryptogram?.startsWith("AAC");
  session.outcome.dataset.tone = held ? "held" : cryptogram ? "plain" : "refused";
}
