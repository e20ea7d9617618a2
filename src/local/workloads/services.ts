import type { Clock, Timer } from '../../lib/clock.ts';
import type { Report } from '../events.ts';
import { ServiceAddresses } from '../network/addresses.ts';
import type { PodNetworks } from '../network/pod-networks.ts';
import type { ObjectFolder } from '../publish.ts';
import type { ServiceObject } from '../resources/objects.ts';
import {
  addressesOf,
  type Backend,
  hasClusterIp,
  hostnameOf,
  rulesOf,
  serviceObject,
} from './service-view.ts';

/** Changes of endpoints within this are applied together. */
const APPLY_DELAY_MS = 20;

/** Keeps Service objects, cluster IPs and names up to date with the folder and the pods. */
export class Services {
  readonly #objects: ObjectFolder;
  readonly #networks: PodNetworks;
  readonly #report: Report;
  readonly #clock: Clock;
  readonly #addresses = new ServiceAddresses();
  #services: readonly ServiceObject[] = [];
  #backends: readonly Backend[] = [];
  readonly #onServed: () => void;
  #pending: Timer | undefined;
  #serving = false;
  #again = false;

  /** `onServed` hears that names and cluster IPs lead where they should. */
  constructor(
    objects: ObjectFolder,
    networks: PodNetworks,
    report: Report,
    clock: Clock,
    onServed: () => void,
  ) {
    this.#objects = objects;
    this.#networks = networks;
    this.#report = report;
    this.#clock = clock;
    this.#onServed = onServed;
  }

  /** Whether names and cluster IPs lead where they should by now. */
  get settled(): boolean {
    return this.#pending === undefined && !this.#serving;
  }

  get services(): readonly ServiceObject[] {
    return this.#services;
  }

  /** The Services of the folder are now these. */
  setServices(services: readonly ServiceObject[]): void {
    const kept = new Set(services.map(hostnameOf));
    for (const gone of this.#services.filter((service) => !kept.has(hostnameOf(service)))) {
      const { namespace, name } = gone.metadata;
      this.#objects.remove('Service', namespace, name);
      this.#addresses.free(namespace, name);
    }
    this.#services = services;
    for (const service of services) {
      const { namespace, name } = service.metadata;
      this.#objects.put('Service', namespace, name, serviceObject(service, this.#addressOf(service)));
    }
    this.#apply();
  }

  /** The pods are now these. */
  setBackends(backends: readonly Backend[]): void {
    this.#backends = backends;
    this.#apply();
  }

  close(): void {
    this.#pending?.cancel();
    this.#again = false;
  }

  #addressOf(service: ServiceObject): string | undefined {
    if (!hasClusterIp(service)) return undefined;
    const { namespace, name } = service.metadata;
    return this.#addresses.take(namespace, name, service.spec.clusterIp);
  }

  // One at a time: of two tables loaded side by side the older may come last.
  #apply(): void {
    if (this.#serving) this.#again = true;
    else this.#pending ??= this.#clock.setTimeout(() => void this.#serveNow(), APPLY_DELAY_MS);
  }

  async #serveNow(): Promise<void> {
    this.#pending = undefined;
    this.#serving = true;
    await this.#serve().catch((error: Error) => {
      this.#report({ event: 'problem', text: `Cluster IPs cannot be updated: ${error.message}` });
    });
    this.#serving = false;
    if (this.#again) this.#apply();
    else this.#onServed();
    this.#again = false;
  }

  async #serve(): Promise<void> {
    const names = new Map<string, readonly string[]>();
    const rules = this.#services.flatMap((service) => {
      const address = this.#addressOf(service);
      names.set(hostnameOf(service), addressesOf(service, address, this.#backends));
      return address === undefined ? [] : rulesOf(service, address, this.#backends);
    });
    for (const backend of this.#backends)
      for (const [name, address] of backend.names) names.set(name, [address]);
    await this.#networks.serve(rules, names);
  }
}
