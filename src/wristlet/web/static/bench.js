/** The strap, the terminal and the Tap button. */
import { find, say } from "./dom.js";
import { money, text, textIf } from "./texts.js";
const MINUTE_MS = 60_000;
const ATTENTION = new Set(["SEE PHONE", "PRESENT ONE CARD ONLY, TRY AGAIN"]);
/** Takes taps and shows what came of them. */
export class Bench {
    #stage = find("#stage", HTMLElement);
    #form = find("#tap-form", HTMLFormElement);
    #amount = find("#amount", HTMLInputElement);
    #button = find("#tap", HTMLButtonElement);
    #error = find("#amount-error", HTMLElement);
    #note = find("#tap-note", HTMLElement);
    #displayText = find("#display-text", HTMLElement);
    #displayAmount = find("#display-amount", HTMLElement);
    #result = find("#result", HTMLElement);
    #max = Number(this.#amount.dataset.max);
    #held = false;
    #tapping = false;
    constructor() {
        this.#form.addEventListener("submit", (event) => {
            event.preventDefault();
            void this.#tap();
        });
        this.#amount.addEventListener("input", () => this.#complain(""));
        for (const preset of this.#form.querySelectorAll("[data-amount]")) {
            const amount = Number(preset.dataset.amount);
            preset.textContent = money(amount);
            preset.addEventListener("click", () => {
                this.#amount.value = String(amount);
                this.#complain("");
            });
        }
        const help = find("#amount-help", HTMLElement);
        say(help, text("amount.help", { limit: money(Number(help.dataset.limit)) }));
        this.#moveHands();
    }
    /** Keep the button back while the demo's steps use the strap. */
    hold(held) {
        if (held === this.#held)
            return;
        this.#held = held;
        say(this.#note, held ? text("tap.demo") : "");
        if (this.#stage.dataset.state === "idle") {
            say(this.#displayText, text(held ? "display.BUSY_DEMO" : "display.READY"));
        }
        this.#showButton();
    }
    /** Show what a tap came to. */
    show(payment) {
        const attention = !payment.approved && ATTENTION.has(payment.display);
        const state = payment.approved ? "approved" : attention ? "attention" : "declined";
        const words = textIf(`display.${payment.display}`) ?? payment.display;
        this.#display(state, words, payment.amount);
        this.#pulse();
        this.#result.dataset.state = state;
        find("#result-icon use", SVGUseElement).setAttribute("href", `#icon-${state}`);
        say(find("#result-word", HTMLElement), text(`result.${state}`));
        say(find("#result-amount", HTMLElement), payment.amount);
        say(find("#result-reason", HTMLElement), payment.reason);
        say(find("#result-kernel", HTMLElement), payment.kernel === null ? "–" : String(payment.kernel));
        say(find("#result-code", HTMLElement), codeWords(payment.response_code));
        say(find("#result-reference", HTMLElement), payment.reference ?? "–");
    }
    async #tap() {
        if (this.#tapping || this.#held)
            return;
        const amount = this.#readAmount();
        if (amount === null)
            return;
        this.#tapping = true;
        this.#showButton();
        this.#display("busy", text("display.PRESENT CARD"), money(amount));
        try {
            this.show(await pay(amount));
            say(this.#note, "");
        }
        catch (error) {
            this.#display("declined", text("display.NO_CONNECTION"), money(amount));
            say(this.#note, text("tap.failed", { message: error.message }));
        }
        finally {
            this.#tapping = false;
            this.#showButton();
        }
    }
    /** Read the amount as people write it: full-width digits, separators, a yen sign. */
    #readAmount() {
        const digits = this.#amount.value.normalize("NFKC").replace(/[\s,¥円]/g, "");
        const amount = /^\d{1,9}$/.test(digits) ? Number(digits) : 0;
        if (amount >= 1 && amount <= this.#max)
            return amount;
        this.#complain(text("amount.invalid", { max: new Intl.NumberFormat().format(this.#max) }));
        this.#amount.focus();
        return null;
    }
    #complain(message) {
        say(this.#error, message);
        this.#amount.setAttribute("aria-invalid", String(message !== ""));
    }
    #showButton() {
        this.#button.setAttribute("aria-disabled", String(this.#held || this.#tapping));
        say(find("span", HTMLElement, this.#button), text(this.#tapping ? "tap.busy" : "tap.button"));
    }
    #display(state, words, amount) {
        this.#stage.dataset.state = state;
        say(this.#displayText, words);
        say(this.#displayAmount, amount);
    }
    /** Let the field ripple once. */
    #pulse() {
        this.#stage.classList.remove("pulse");
        void this.#stage.offsetWidth;
        this.#stage.classList.add("pulse");
    }
    #moveHands() {
        const now = new Date();
        const minutes = now.getMinutes();
        const turn = (selector, degrees) => find(selector, SVGElement).setAttribute("transform", `rotate(${degrees} 70 120)`);
        turn("#hand-minute", 6 * minutes);
        turn("#hand-hour", 30 * (now.getHours() % 12) + minutes / 2);
        setTimeout(() => this.#moveHands(), MINUTE_MS - (now.getTime() % MINUTE_MS));
    }
}
function codeWords(code) {
    if (code === null)
        return text("result.offline");
    const meaning = textIf(`code.${code}`);
    return meaning === undefined ? code : `${code} · ${meaning}`;
}
async function pay(amountMinor) {
    let answer;
    try {
        answer = await fetch("tap", {
            method: "POST",
            headers: { "Content-Type": "application/json" },
            body: JSON.stringify({ amount_minor: amountMinor }),
        });
    }
    catch {
        throw new Error(text("tap.unreachable"));
    }
    const body = (await answer.json());
    if (answer.ok)
        return body;
    throw new Error([body.error?.message, body.error?.next_step].filter(Boolean).join(" ") || String(answer.status));
}
