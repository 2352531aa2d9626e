/** The page's texts in the reader's language, and numbers as that language writes them. */
import { readJson } from "./dom.js";
const TEXTS = readJson("texts");
const LANGUAGE = document.documentElement.lang;
const YEN = new Intl.NumberFormat(LANGUAGE, { style: "currency", currency: "JPY" });
/** Return a text with its places filled in. */
export function text(key, values = {}) {
    const pattern = TEXTS[key] ?? key;
    return pattern.replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
}
/** Return a text if there is one. */
export function textIf(key) {
    return TEXTS[key];
}
/** Write an amount of yen. */
export function money(amount) {
    return YEN.format(amount);
}
/** Write a time of milliseconds to three figures: 0.42 ms, 38 ms, 1.24 s. */
export function duration(ms) {
    const [value, unit] = ms < 1000 ? [ms, "ms"] : [ms / 1000, "s"];
    const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
    return `${Number(value.toFixed(digits))} ${unit}`;
}
