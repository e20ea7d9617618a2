/**
 * Flags of Node for a process that is a proxy; its workers inherit them (docs/decisions/0019-node-flags.md has the figures).
 *
 * A young generation of 4 MiB instead of 16: of what HTTP allocates 2 to 5 % are alive when it is full.
 */
// Two helper threads of V8, not four: each compiles now and then, and malloc keeps an arena for each. One would lag behind.
const everywhere: readonly string[] = ['--max-semi-space-size=4', '--v8-pool-size=2'];

/** V8 has these since and until some release, and Node does not start with a flag that its V8 does not know. */
const knownToV8 = '13.6.';

const tuned: readonly string[] = [
  // The middle compiler takes 20 MiB for a moment when all of a proxy becomes hot, and malloc does not get rid of them.
  '--no-maglev',
  // By default the last compiler waits for 3,000 calls, Maglev for 400: without that the start would cost more CPU.
  '--invocation-count-for-turbofan=400',
  // 200 KB survive, which one thread copies in 0.5 ms; several wait for each other, which takes many on a busy machine.
  '--no-parallel-scavenge',
];

export const nodeFlags: readonly string[] = process.versions.v8.startsWith(knownToV8)
  ? [...everywhere, ...tuned]
  : everywhere;
