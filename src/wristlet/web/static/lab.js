/** The bench page: steps, bench and trace, fed by one stream of events. */
import { Bench } from "./bench.js";
import { Live } from "./live.js";
import { Steps } from "./steps.js";
import { Trace } from "./trace.js";
const steps = new Steps();
const bench = new Bench();
const trace = new Trace();
new Live({
    step: (data) => {
        steps.apply(data);
        bench.hold(steps.busy);
    },
    payment: (data) => bench.show(data),
    trace: (data) => trace.add(data),
});
