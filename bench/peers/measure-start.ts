import { type Measure, toMib } from './measure.ts';
import { cpuTime, residentBytes } from './process-usage.ts';

/** From the start of the process to the first connection it takes; CPU in steps of 10 ms. */
export const measureStart: Measure = {
  metrics: [
    { key: 'wallMs', title: 'wall ms', digits: 0 },
    { key: 'cpuMs', title: 'CPU ms', digits: 0 },
    { key: 'startedMib', title: 'RSS MiB', digits: 0 },
  ],
  // The first one brought the program into the page cache.
  warmUp: async () => ({}),
  async round(contestant) {
    const started = await contestant.startAnother();
    const values = {
      wallMs: started.wallMs,
      cpuMs: cpuTime(started.pid).total / 1000,
      startedMib: toMib(residentBytes(started.pid)),
    };
    await started.stop();
    return values;
  },
};
