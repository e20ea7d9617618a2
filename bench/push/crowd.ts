import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Node } from '../../src/xds/resources.ts';
import { stopChild, track } from '../peers/proxy-process.ts';
import type { Order, Outcome } from './clients.ts';
import { addressOf, type BenchService, SERVICE_PORT } from './mesh-files.ts';

/** The process with the light clients, and what to tell it. */
export class Crowd {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  constructor() {
    this.#child = fork(fileURLToPath(new URL('./clients.ts', import.meta.url)), { execArgv: [] });
    this.#ended = track(this.#child);
  }

  async open(port: number, services: readonly BenchService[]): Promise<void> {
    await this.#ask({ kind: 'open', port, nodes: services.map(nodeOf), routes: [String(SERVICE_PORT)] });
  }

  async mark(): Promise<void> {
    await this.#ask({ kind: 'mark' });
  }

  /** Throws where it does not happen. */
  async everyone(clients: number, whole: boolean, quietMs: number, limitMs: number): Promise<Outcome> {
    const outcome = (await this.#ask({ kind: 'await', clients, whole, quietMs, limitMs })) as Outcome;
    if (outcome.problem !== undefined) throw new Error(`the clients were not served: ${outcome.problem}`);
    return outcome;
  }

  stop(): Promise<void> {
    return stopChild(this.#child, this.#ended);
  }

  #ask(order: Order): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const over = (): void => reject(new Error('the clients ended'));
      this.#child.once('exit', over);
      this.#child.once('message', (answer) => {
        this.#child.removeListener('exit', over);
        resolve(answer);
      });
      this.#child.send(order);
    });
  }
}

/** The first Pod of a service as an Envoy of Istio introduces itself. */
function nodeOf({ index, name, namespace }: BenchService): Node {
  const ip = addressOf(index, 1);
  return {
    id: `sidecar~${ip}~${name}-v1.${namespace}~${namespace}.svc.cluster.local`,
    cluster: `${name}.${namespace}`,
    metadata: {
      NAME: `${name}-v1`,
      NAMESPACE: namespace,
      INSTANCE_IPS: ip,
      SERVICE_ACCOUNT: name,
      LABELS: { app: name, version: 'v1' },
    },
    user_agent_name: 'envoy',
  };
}
