/** APDUs in words: instruction, what it is about, status, and the tags of an answer. */
/** Instructions by INS: ISO/IEC 7816-4, EMV 4.3 Book 3, GlobalPlatform Card Specification. */
const INSTRUCTIONS = {
    "12": "WORN",
    "20": "VERIFY",
    "24": "CHANGE REFERENCE DATA",
    "2A": "PERFORM SECURITY OPERATION",
    "50": "INITIALIZE UPDATE",
    "70": "MANAGE CHANNEL",
    "82": "EXTERNAL AUTHENTICATE",
    "84": "GET CHALLENGE",
    "88": "INTERNAL AUTHENTICATE",
    A4: "SELECT",
    A8: "GET PROCESSING OPTIONS",
    AE: "GENERATE AC",
    B2: "READ RECORD",
    C0: "GET RESPONSE",
    CA: "GET DATA",
    CB: "GET DATA",
    D8: "PUT KEY",
    E0: "ENROL",
    E2: "STORE DATA",
    E4: "DELETE",
    E6: "INSTALL",
    E8: "LOAD",
    F0: "SET STATUS",
    F1: "GENERATE KEY",
    F2: "GET STATUS",
};
/** Applications by the beginning of their AID. */
const APPLICATIONS = [
    ["325041592E5359532E4444463031", "PPSE"],
    ["A0000000031010", "kernel 3"],
    ["A0000000041010", "kernel 2"],
    ["A00000015143525300", "CRS"],
    ["A000000151000000", "ISD"],
    ["F0575249534C54545001", "TSP domain"],
    ["F0575249534C54434801", "cardholder domain"],
    ["F0575249534C54434802", "cardholder applet"],
];
const CRYPTOGRAMS = { 0x00: "AAC", 0x40: "TC", 0x80: "ARQC" };
const CRYPTOGRAM_BITS = 0xc0;
const MAX_DEPTH = 8;
const byteAt = (hex, index) => Number.parseInt(hex.slice(2 * index, 2 * index + 2), 16);
/** Say what a command asks for. */
export function decodeCommand(hex) {
    const cla = byteAt(hex, 0);
    const ins = hex.slice(2, 4);
    const further = (cla & 0xc0) === 0x40;
    const secured = (cla & (further ? 0x20 : 0x0c)) !== 0;
    const mutual = ins === "82" && cla === 0x80;
    const name = mutual ? "MUTUAL AUTHENTICATE" : (INSTRUCTIONS[ins] ?? `INS ${ins}`);
    const detail = secured ? "" : describe(ins, byteAt(hex, 2), byteAt(hex, 3), commandData(hex));
    return { name, detail, secured, chained: (cla & 0x10) !== 0 };
}
function describe(ins, p1, p2, data) {
    switch (ins) {
        case "A4":
            return applicationName(data);
        case "A8":
            return data === "8300" ? "" : `PDOL ${data.length / 2 - 2} B`;
        case "AE":
            return CRYPTOGRAMS[p1 & CRYPTOGRAM_BITS] ?? "";
        case "B2":
            return `SFI ${p2 >> 3}, record ${p1}`;
        case "CA":
        case "CB":
            return hexByte(p1) + hexByte(p2);
        case "E2":
            return `#${p2}${p1 & 0x80 ? ", last" : ""}`;
        default:
            return "";
    }
}
function applicationName(aid) {
    const known = APPLICATIONS.find(([start]) => aid.startsWith(start));
    if (!known)
        return aid;
    const index = aid.slice(known[0].length);
    return index ? `${known[1]} #${Number.parseInt(index, 16)}` : known[1];
}
const hexByte = (value) => value.toString(16).padStart(2, "0").toUpperCase();
/** Return the data field of a short or extended command. */
export function commandData(hex) {
    if (hex.length <= 10)
        return "";
    const short = byteAt(hex, 4);
    if (short !== 0)
        return hex.slice(10, 10 + 2 * short);
    return hex.length <= 14 ? "" : hex.slice(14, 14 + 2 * Number.parseInt(hex.slice(10, 14), 16));
}
/** Return the text key of a status word, and the number it carries. */
export function statusKey(sw) {
    const low = Number.parseInt(sw.slice(2), 16);
    if (sw.startsWith("61") || sw.startsWith("6C"))
        return { key: `sw.${sw.slice(0, 2)}xx`, count: low || 256 };
    if (sw.startsWith("63C"))
        return { key: "sw.63Cx", count: low & 0x0f };
    return { key: `sw.${sw}`, count: 0 };
}
/** Return the objects of BER-TLV data, null when it is something else. */
export function parseTlv(hex, depth = 0) {
    const found = [];
    let at = 0;
    while (at < hex.length) {
        const head = readHead(hex, at);
        if (!head || depth > MAX_DEPTH)
            return null;
        const value = hex.slice(head.start, head.start + 2 * head.length);
        if (value.length !== 2 * head.length)
            return null;
        const constructed = (byteAt(head.tag, 0) & 0x20) !== 0;
        found.push({ tag: head.tag, value, children: constructed ? parseTlv(value, depth + 1) : null });
        at = head.start + 2 * head.length;
    }
    return found;
}
function readHead(hex, from) {
    let at = from + 2;
    if ((byteAt(hex, from / 2) & 0x1f) === 0x1f) {
        while (byteAt(hex, at / 2) & 0x80)
            at += 2;
        at += 2;
    }
    const tag = hex.slice(from, at);
    const first = byteAt(hex, at / 2);
    const extra = first > 0x80 ? first - 0x80 : 0;
    const length = extra ? Number.parseInt(hex.slice(at + 2, at + 2 + 2 * extra), 16) : first;
    const whole = tag.length === at - from && extra <= 3 && first !== 0x80 && Number.isFinite(length);
    return whole ? { tag, length, start: at + 2 + 2 * extra } : null;
}
/** Return the value of the first object with a tag, at any depth. */
export function findTag(objects, tag) {
    for (const object of objects ?? []) {
        const value = object.tag === tag ? object.value : findTag(object.children, tag);
        if (value !== undefined)
            return value;
    }
    return undefined;
}
/** Return cryptogram type and counter of an answer that has them: `ARQC, ATC 23`. */
export function cryptogramOf(objects) {
    const information = findTag(objects, "9F27");
    if (information === undefined)
        return "";
    const kind = CRYPTOGRAMS[byteAt(information, 0) & CRYPTOGRAM_BITS] ?? "";
    const counter = findTag(objects, "9F36");
    return counter === undefined ? kind : `${kind}, ATC ${Number.parseInt(counter, 16)}`;
}
/** Write hex as bytes apart, so that lines can break between them. */
export function spaced(hex) {
    return hex.replace(/(..)(?=.)/g, "$1 ");
}
