import type { Engine } from './run-tests.ts';
import { simulate } from './simulate.ts';

/** Stands for the keys of a run: nothing is signed in simulation. */
const KEYS = '{"keys":[{"kty":"EC","kid":"weft-test"}]}';

/** The engine `simulate`. */
export const simulated: Engine = {
  testKeys: KEYS,
  arrange: (tests) => [tests],
  open: async ({ mesh }) => ({ answer: async (test) => simulate(mesh, test) }),
  close: async () => {},
};
