import { join } from 'node:path';
import { parseTarget } from '../../../control/explain/call.ts';
import { findEnvoy, installEnvoy } from '../../../local/envoy-binary.ts';
import { pathWithSbin, probeMachine } from '../../../local/machine.ts';
import type { DataPlane } from '../../../local/resources/desired.ts';
import { openHome, stateHomes } from '../../../local/state.ts';
import { chooseWay } from '../../../local/way.ts';
import type { Io } from '../../io.ts';
import { type Engine, EngineMissing } from '../run-tests.ts';
import { answerLive } from './engine.ts';
import { planOf } from './plan.ts';
import { echoCertificate, type MeshMachine, RunningMesh } from './running-mesh.ts';
import { makeTestKeys } from './test-tokens.ts';

/** The engine `weft` or `envoy`: the proxies themselves, on this machine. Rejects where it cannot run them, with the reason. */
export async function liveEngine(dataPlane: DataPlane, io: Io): Promise<Engine> {
  const keys = await makeTestKeys();
  const machine = await machineFor(dataPlane, io);
  return {
    testKeys: keys.jwks,
    async open(mesh, { test }, inputs) {
      const ports = test.spec.requests.flatMap(({ send }) => parseTarget(send.url ?? '')?.port ?? []);
      const plan = planOf(inputs, mesh, test.spec.workloads ?? [], ports, keys.jwks);
      const running = await RunningMesh.start(plan, machine);
      return {
        answer: (request) => answerLive(running, request, keys.sign),
        close: () => running.stop(),
      };
    },
  };
}

async function machineFor(dataPlane: DataPlane, io: Io): Promise<MeshMachine> {
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
    tls: await echoCertificate(),
  };
}
