import { join } from 'node:path';
import { findEnvoy, installEnvoy } from '../../../local/envoy-binary.ts';
import { pathWithSbin, probeMachine } from '../../../local/machine.ts';
import type { DataPlane } from '../../../local/resources/desired.ts';
import { openHome, stateHomes } from '../../../local/state.ts';
import { chooseWay } from '../../../local/way.ts';
import type { Io } from '../../io.ts';
import { type Engine, EngineMissing, type ReadyTest } from '../run-tests.ts';
import { answerLive } from './engine.ts';
import { groupsOf, MAX_MESHES, type PlannedTest, rowsOf } from './groups.ts';
import type { Plan } from './plan.ts';
import { type MeshMachine, RunningMesh } from './running-mesh.ts';
import { credentialFor, makeTestAuthority } from './test-authority.ts';
import { makeTestKeys } from './test-tokens.ts';

/** The engine `weft` or `envoy`: the proxies themselves, on this machine. Rejects where it cannot run them, with the reason. */
export async function liveEngine(dataPlane: DataPlane, io: Io): Promise<Engine> {
  const keys = await makeTestKeys();
  const authority = await makeTestAuthority();
  const machine = { ...(await machineFor(dataPlane, io)), authority };
  const trust = { jwks: keys.jwks, credential: await credentialFor(authority, []) };
  const rows = new Map<ReadyTest, MeshRow>();
  return {
    testKeys: keys.jwks,
    arrange(tests) {
      const groups = groupsOf(tests, trust);
      const arranged = rowsOf(groups, MAX_MESHES);
      for (const row of arranged) {
        const own = new MeshRow(row, machine);
        for (const { ready } of row.flat()) rows.set(ready, own);
      }
      return arranged.map((row) => row.flat().map(({ ready }) => ready));
    },
    async open(ready) {
      const running = await (rows.get(ready) as MeshRow).meshFor(ready);
      return { answer: (request) => answerLive(running, request, keys.sign) };
    },
    async close() {
      await Promise.all([...new Set(rows.values())].map((row) => row.stop()));
    },
  };
}

/** One mesh after the other; tests with the same Pods have the same mesh. */
class MeshRow {
  readonly #groups: readonly (readonly PlannedTest[])[];
  readonly #machine: MeshMachine;
  #group: readonly PlannedTest[] | undefined;
  #mesh: RunningMesh | undefined;

  constructor(groups: readonly (readonly PlannedTest[])[], machine: MeshMachine) {
    this.#groups = groups;
    this.#machine = machine;
  }

  /** The mesh with the objects of a test. A mesh that does not take them is given up. */
  async meshFor(ready: ReadyTest): Promise<RunningMesh> {
    const group = this.#groups.find((one) => one.some((test) => test.ready === ready));
    const plan = group?.find((test) => test.ready === ready)?.plan as Plan;
    if (this.#mesh === undefined || group !== this.#group) {
      await this.stop();
      this.#group = group;
      this.#mesh = await RunningMesh.start(plan, this.#machine);
      return this.#mesh;
    }
    try {
      await this.#mesh.change(plan);
      return this.#mesh;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    const mesh = this.#mesh;
    this.#mesh = undefined;
    await mesh?.stop();
  }
}

async function machineFor(dataPlane: DataPlane, io: Io): Promise<Omit<MeshMachine, 'authority'>> {
  const path = pathWithSbin(io.env['PATH']);
  const choice = chooseWay(await probeMachine(path));
  if (choice.way === undefined || choice.way === 'shared')
    throw new EngineMissing(
      `the engine ${dataPlane} needs network namespaces, and there are none here: ${choice.way === undefined ? choice.refusal : choice.sentence}`,
    );
  const own = io.env['WEFT_CACHE'];
  const homes = own === undefined ? stateHomes(io.cwd, io.env) : [own];
  const home = openHome(homes);
  const file = io.env['WEFT_ENVOY'];
  const found = findEnvoy({ ...(file === undefined ? {} : { file }), path, caches: homes });
  return {
    way: choice.way,
    dataPlane,
    home: join(home),
    env: { ...io.env, PATH: path },
    insideArgv: [process.execPath, process.argv[1] ?? '', 'up', '--inside'],
    envoy: dataPlane === 'envoy' ? (found ?? (await installEnvoy(home, path))) : '',
  };
}
