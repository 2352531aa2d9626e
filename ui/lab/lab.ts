/** The bench page: steps, bench and trace, fed by one stream of events. */

import { Bench, type Payment } from "./bench.js";
import { Live } from "./live.js";
import { type StepEvent, Steps } from "./steps.js";
import { Trace, type TraceRecord } from "./trace.js";

const steps = new Steps();
const bench = new Bench();
const trace = new Trace();

new Live({
  step: (data) => {
    steps.apply(data as StepEvent);
    bench.hold(steps.busy);
  },
  payment: (data) => bench.show(data as Payment),
  trace: (data) => trace.add(data as TraceRecord),
});
