import type { Gateway } from '../../mesh/gateway.ts';
import type { Service } from '../../mesh/service.ts';
import { type Labels, matchesLabels, type Workload } from '../../mesh/workload.ts';
import { formatNodeId } from '../../xds/names.ts';
import { endpoints } from '../resolve/endpoints.ts';
import { gateways } from '../resolve/gateways.ts';
import { meshSettings } from '../resolve/mesh-settings.ts';
import { serviceKey, services } from '../resolve/services.ts';
import { workloads } from '../resolve/workloads.ts';
import type { ExplainMesh } from './mesh.ts';
import { type ExplainedProxy, explainedProxy } from './proxy.ts';

/** A gateway's proxy: a workload, or, where the files hold none, one that only a Gateway's selector tells of. */
export interface GatewayPlace {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  readonly workload: Workload | undefined;
}

/** Who is where. Made once for each call that is explained: what it looks up is kept. */
export class Places {
  readonly mesh: ExplainMesh;
  readonly workloads: readonly Workload[];
  readonly services: readonly Service[];
  readonly trustDomain: string;
  readonly clusterDomain: string;
  readonly #proxies = new Map<string, ExplainedProxy>();
  readonly #workloadsByAddress: ReadonlyMap<string, readonly Workload[]>;
  readonly #servicesByAddress: ReadonlyMap<string, readonly Service[]>;
  readonly #servicesByName: ReadonlyMap<string, readonly Service[]>;
  #gateways: readonly GatewayPlace[] | undefined;

  constructor(mesh: ExplainMesh) {
    this.mesh = mesh;
    this.workloads = mesh.read.of(workloads, '');
    this.services = mesh.read.of(services, '');
    const settings = mesh.read.of(meshSettings, '');
    this.trustDomain = settings.trustDomain;
    this.clusterDomain = settings.clusterDomain;
    this.#workloadsByAddress = grouped(this.workloads, ({ ips }) => ips);
    this.#servicesByAddress = grouped(this.services, ({ addresses }) => addresses);
    this.#servicesByName = grouped(this.services, ({ hostname }) => [hostname]);
  }

  /** By the name of its Pod or, else, of what it belongs to. */
  workloadNamed(namespace: string, name: string): Workload | undefined {
    const here = this.workloads.filter((workload) => workload.namespace === namespace);
    return here.find((workload) => workload.name === name) ?? here.find(({ owner }) => owner === name);
  }

  /** Who is called at an address; on a shared host the port tells who. */
  workloadAt(address: string, port: number): Workload | undefined {
    const here = this.#workloadsByAddress.get(address) ?? [];
    if (here.length < 2) return here[0];
    const ready = [...here].sort((a, b) => Number(b.ready) - Number(a.ready));
    return ready.find((workload) => isAtPort(workload, port)) ?? ready[0];
  }

  /** The service that has an address of its own, and the port. */
  serviceAt(address: string, port: number): Service | undefined {
    const here = this.#servicesByAddress.get(address) ?? [];
    return here.find(({ ports }) => ports.some(({ number }) => number === port)) ?? here[0];
  }

  serviceNamed(hostname: string): Service | undefined {
    return this.#servicesByName.get(hostname)?.[0];
  }

  /** Where a service's port leads, whoever asks: what a client without a proxy can reach. */
  endpointsOf(
    service: Service,
    port: number,
  ): readonly { readonly address: string; readonly port: number }[] {
    return this.mesh.read
      .of(endpoints, serviceKey(service))
      .filter(({ ready }) => ready)
      .flatMap(({ address, ports }) => {
        const number = ports.get(port);
        return number === undefined ? [] : [{ address, port: number }];
      });
  }

  /** The gateways of the mesh: those that run, then those that a Gateway only asks for. */
  get gateways(): readonly GatewayPlace[] {
    this.#gateways ??= findGateways(this.workloads, this.mesh.read.of(gateways, ''));
    return this.#gateways;
  }

  /** By its workload's name, or by that of a Gateway object that selects it. */
  gatewayNamed(namespace: string, name: string): GatewayPlace | undefined {
    const all = this.gateways;
    const own = all.find((place) => place.namespace === namespace && isNamed(place, name));
    if (own !== undefined) return own;
    const object = this.mesh.read
      .of(gateways, '')
      .find(({ origin }) => origin.namespace === namespace && origin.name === name);
    return object && all.find((place) => selects(object, place));
  }

  sidecarOf(workload: Workload): ExplainedProxy {
    const { namespace, name, serviceAccount, ips } = workload;
    const who = { namespace, name, ip: ips[0] ?? '', serviceAccount, labels: workload.labels, workload };
    return this.#proxy('sidecar', who, `${namespace}/${workload.owner}`);
  }

  routerOf({ namespace, name, labels, workload }: GatewayPlace): ExplainedProxy {
    const ip = workload?.ips[0] ?? '';
    const serviceAccount = workload?.serviceAccount ?? name;
    const shown = `${namespace}/${workload?.owner ?? name}`;
    return this.#proxy('router', { namespace, name, ip, serviceAccount, labels, workload }, shown);
  }

  /** The SPIFFE id of a service account. */
  identity(namespace: string, serviceAccount: string): string {
    return `spiffe://${this.trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
  }

  #proxy(type: 'sidecar' | 'router', who: ProxyParts, name: string): ExplainedProxy {
    const { namespace, ip, labels } = who;
    const id = formatNodeId({
      type,
      ip,
      name: who.name,
      namespace,
      domain: `${namespace}.svc.${this.clusterDomain}`,
    });
    const known = this.#proxies.get(id);
    if (known !== undefined) return known;
    const resources = this.mesh.compiled.forProxy({ id, metadata: { LABELS: labels } });
    if (resources === undefined) throw new Error(`the node id ${id} cannot be read back`);
    const identity = this.identity(namespace, who.serviceAccount);
    const made = explainedProxy(
      { name, namespace, type, address: ip, identity, workload: who.workload },
      resources,
    );
    this.#proxies.set(id, made);
    return made;
  }
}

/** Each item under every one of its keys. */
function grouped<T>(
  list: readonly T[],
  keys: (item: T) => readonly string[],
): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of list)
    for (const key of keys(item)) {
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [item]);
      else group.push(item);
    }
  return groups;
}

function findGateways(workloads: readonly Workload[], objects: readonly Gateway[]): readonly GatewayPlace[] {
  const running = workloads
    .filter((workload) => workload.gateway || objects.some((object) => selects(object, workload)))
    .map(gatewayOf);
  const asked = objects.filter((object) => !running.some((place) => selects(object, place))).map(standIn);
  const byName = new Map([...running, ...asked].map((place) => [`${place.namespace}/${place.name}`, place]));
  return [...byName.values()];
}

/** Whether a Gateway is served by a workload; one that selects everything means gateways only, and nobody more. */
function selects(
  { selector, workloadNamespace }: Gateway,
  { labels, namespace }: { readonly labels: Labels; readonly namespace: string },
): boolean {
  const here = workloadNamespace === undefined || workloadNamespace === namespace;
  return here && Object.keys(selector).length > 0 && matchesLabels(selector, labels);
}

interface ProxyParts {
  readonly namespace: string;
  readonly name: string;
  readonly ip: string;
  readonly serviceAccount: string;
  readonly labels: Labels;
  readonly workload: Workload | undefined;
}

function isAtPort({ explicit }: Workload, port: number): boolean {
  if (explicit === undefined) return true;
  return explicit.inboundPort === port || [...explicit.ports.values()].includes(port);
}

function isNamed(place: GatewayPlace, name: string): boolean {
  return place.name === name || place.workload?.owner === name;
}

function gatewayOf(workload: Workload): GatewayPlace {
  const { namespace, name, labels } = workload;
  return { namespace, name, labels, workload };
}

/** What `weft up` and Istio's installation add where nobody wrote it: the standard gateways; else the Gateway itself. */
function standIn({ namespace, name, selector }: Gateway): GatewayPlace {
  const standard = /^(?:in|e)gressgateway$/.test(selector['istio'] ?? '')
    ? `istio-${selector['istio']}`
    : undefined;
  if (standard === undefined) return { namespace, name, labels: selector, workload: undefined };
  return {
    namespace: 'istio-system',
    name: standard,
    labels: { app: standard, ...selector },
    workload: undefined,
  };
}
