/** One command with its answer: a line that opens to bytes and tags. */
import { commandData, cryptogramOf, decodeCommand, parseTlv, spaced, statusKey } from "./decode.js";
import { icon, make, readJson } from "./dom.js";
import { duration, text, textIf } from "./texts.js";
const TAGS = readJson("tags");
const OK = "9000";
/** Answers in one word, by their outermost tag. */
const GISTS = { "61": "entry", "6F": "FCI", "70": "record", "77": "format 2", "80": "format 1" };
/** Tags whose values the trace blanks: they hold a card or token number. */
const NUMBER_TAGS = new Set(["56", "57", "5A", "9F1F", "9F20", "9F6B"]);
/** One exchange and its place in the list. */
export class Exchange {
    item = make("li", "exchange");
    startUs;
    endUs;
    cryptogram = "";
    verdict = "";
    refused = false;
    answered = false;
    #command;
    #status = make("span", "answer");
    #facts = make("span", "facts");
    #body = make("div", "exchange-body");
    #response = "";
    #words;
    #drawn = false;
    constructor(record, sessionStartUs) {
        this.startUs = this.endUs = record.ts_us;
        this.#command = record.dir === ">" ? record.data.toUpperCase() : "";
        const view = decodeCommand(this.#command);
        this.#words = `${record.session} ${record.link} ${view.name} ${view.detail} ${this.#command}`.toLowerCase();
        const name = make("span", "command", direction("trace.to_card"), make("b", "", view.name));
        if (view.detail)
            name.append(make("span", "detail", view.detail));
        if (view.secured)
            name.append(make("span", "flag", icon("lock"), text("trace.secured")));
        if (view.chained)
            name.append(make("span", "flag", text("trace.chained")));
        const at = make("span", "at", `+${((record.ts_us - sessionStartUs) / 1000).toFixed(1)}`);
        const box = make("details");
        box.append(make("summary", "line", at, name, size(this.#command), this.#status, this.#facts), this.#body);
        box.addEventListener("toggle", () => this.#draw(box.open));
        this.item.append(box);
        this.#status.append(make("span", "pending", text("trace.pending")));
        if (record.dir === "<")
            this.answer(record);
    }
    /** Take the answer, or the news that none came. */
    answer(record) {
        this.answered = true;
        this.endUs = record.ts_us;
        this.#response = record.data.toUpperCase();
        const objects = parseTlv(this.#response);
        this.cryptogram = cryptogramOf(objects);
        this.verdict = record.sw === null ? text("trace.lost") : `${record.sw} ${statusWords(record.sw)}`;
        this.refused = record.sw !== OK;
        this.#words += ` ${this.verdict} ${this.cryptogram} ${this.#response}`.toLowerCase();
        this.#status.replaceChildren(direction("trace.from_card"), ...this.#badge(record.sw));
        const gist = this.cryptogram || GISTS[objects?.[0]?.tag ?? ""];
        if (gist)
            this.#status.append(make("span", "gist", gist));
        const took = record.dur_us === null ? "" : duration(record.dur_us / 1000);
        this.#facts.replaceChildren(this.#response ? size(this.#response) : "", make("span", "took", took));
        this.#drawn = false;
    }
    /** Show or hide by the filter's terms, all of which must be there; tell which. */
    match(terms) {
        const found = terms.every((term) => this.#words.includes(term));
        this.item.hidden = !found;
        return found;
    }
    #badge(sw) {
        if (sw === null)
            return [make("span", "sw bad", icon("declined"), text("trace.lost"))];
        const tone = sw === OK || sw.startsWith("61") ? "good" : "bad";
        const code = make("span", `sw ${tone}`, icon(tone === "good" ? "ok" : "attention"), sw);
        return [code, make("span", "meaning", statusWords(sw))];
    }
    #draw(open) {
        if (!open || this.#drawn)
            return;
        this.#drawn = true;
        this.#body.replaceChildren(bytes(text("trace.command", { count: this.#command.length / 2 }), this.#command, commandData(this.#command)), bytes(text("trace.response", { count: this.#response.length / 2 }), this.#response, this.#response));
    }
}
function direction(key) {
    const words = make("span", "unseen", text(key));
    return make("span", "direction", icon(key === "trace.to_card" ? "right" : "left"), words);
}
function size(hex) {
    return make("span", "size", text("trace.bytes", { count: hex.length / 2 }));
}
function statusWords(sw) {
    const { key, count } = statusKey(sw);
    return textIf(key) === undefined ? text("sw.other") : text(key, { count });
}
function bytes(title, hex, data) {
    const box = make("section", "bytes", make("h4", "", title));
    if (hex)
        box.append(make("code", "hex", spaced(hex)));
    const objects = data.length > 4 ? parseTlv(data) : null;
    if (objects?.some((object) => object.tag in TAGS))
        box.append(tree(objects));
    return box;
}
function tree(objects) {
    const list = make("ul", "tags");
    for (const object of objects) {
        const head = make("span", "tag", make("code", "", object.tag), tagName(object.tag));
        const item = make("li", "", head);
        if (object.children)
            item.append(tree(object.children));
        else
            item.append(value(object));
        list.append(item);
    }
    return list;
}
function value(object) {
    const masked = NUMBER_TAGS.has(object.tag) && /^F+$/.test(object.value);
    if (masked)
        return make("span", "flag", icon("lock"), text("trace.masked"));
    return make("code", "tag-value", spaced(object.value));
}
function tagName(tag) {
    return TAGS[tag] ?? "";
}
