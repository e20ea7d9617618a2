import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// The load comes from a Node, and so do the answers. Node's HTTP/2 keeps its streams in a Map, which holds on to ended ones
// until a full collection (src/wire/http2/stream-slots.ts says why): under load both stop for 10 to 30 ms at a time, and at
// 1,000 requests/s one such stop is the 99th percentile of a second, whichever proxy's turn it is. So both free what the
// load before has left when nothing is measured.

const LOOK_MS = 50;
/** At rest: less CPU than this since the last look. */
const REST_MICROS = 500;
/** Worth it: so much work since the last time. */
const WORK_MICROS = 200_000;

// The flag is read when a context is made, so nothing else sees the function.
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
setFlagsFromString('--no-expose-gc');

/** Frees all garbage of this process now. */
export const freeOwnGarbage = (): void => collect();

/** Does so from now on whenever this process rests after work. */
export function freeOwnGarbageAtRest(): void {
  let collected = usedMicros();
  let looked = collected;
  setInterval(() => {
    const now = usedMicros();
    if (now - looked < REST_MICROS && now - collected > WORK_MICROS) {
      collect();
      collected = usedMicros();
    }
    looked = usedMicros();
  }, LOOK_MS).unref();
}

function usedMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
