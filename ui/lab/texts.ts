/** The page's texts in the reader's language, and numbers as that language writes them. */

import { readJson } from "./dom.js";

const TEXTS = readJson<Record<string, string>>("texts");
const LANGUAGE = document.documentElement.lang;
const YEN = new Intl.NumberFormat(LANGUAGE, { style: "currency", currency: "JPY" });

/** Return a text with its places filled in. */
export function text(key: string, values: Record<string, string | number> = {}): string {
  const pattern = TEXTS[key] ?? key;
  return pattern.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
}

/** Return a text if there is one. */
export function textIf(key: string): string | undefined {
  return TEXTS[key];
}

/** Write an amount of yen. */
export function money(amount: number): string {
  return YEN.format(amount);
}

/** Write a time of milliseconds to three figures: 0.42 ms, 38 ms, 1.24 s. */
export function duration(ms: number): string {
  const [value, unit] = ms < 1000 ? [ms, "ms"] : [ms / 1000, "s"];
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${Number(value.toFixed(digits))} ${unit}`;
}
