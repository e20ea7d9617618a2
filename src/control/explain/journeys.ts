import { arrive, hand } from './arrive.ts';
import type { Call } from './call.ts';
import { type Chance, everyWay } from './chance.ts';
import { dial } from './dial.ts';
import type { Ending } from './ending.ts';
import type { ExplainMesh } from './mesh.ts';
import { Places } from './places.ts';
import type { Scene } from './scene.ts';
import { Trace } from './trace.ts';

/** One way that a call can go, and how likely it is. */
export interface Journey {
  readonly probability: number;
  readonly ending: Ending;
  readonly trace: Trace;
}

/** Every way that a call can go. Throws UnknownCaller where nobody is called as the caller is. */
export function journeys(mesh: ExplainMesh, call: Call, places = new Places(mesh)): readonly Journey[] {
  return everyWay((chance) => {
    const scene = sceneOf(places, chance);
    return { ending: dial(scene, call), trace: scene.trace };
  }).map(({ probability, value }) => ({ probability, ...value }));
}

/** The walk, wired. */
export function sceneOf(places: Places, chance: Chance): Scene {
  return { places, chance, trace: new Trace(), depth: 0, arrive, hand };
}
