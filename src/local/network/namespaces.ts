import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PodEntry, podArgv, type RunAs, setprivArgv } from '../enclosure/argv.ts';
import { PodAddresses } from './addresses.ts';
import { type DnsServer, serveDns } from './dns-server.ts';
import { interceptionRules } from './interception.ts';
import { DNS_ADDRESS, PLATFORM_ADDRESS, PORTS, PROBE_ADDRESS, PROXY_UID } from './plan.ts';
import type { Place, PlaceRequest, PodNetworks, Role } from './pod-networks.ts';
import { runCommand, runScript } from './run-script.ts';
import { enclosureScript, podInsideScript, podScript, removePodScript, resolvConf } from './scripts.ts';
import { type ServicePortRule, serviceRules } from './services.ts';

// One network namespace for each pod. Runs inside the enclosure, as its root.

/** Where the files that name network namespaces are, below the state folder. */
export const NETNS_FOLDER = 'netns';

export interface NamespaceSettings {
  readonly way: 'root' | 'rootless';
  /** The run's state folder. */
  readonly stateFolder: string;
  /** Files the proxy must read to start at all: programs, scripts. Decides whether its user needs help with that. */
  readonly proxyFiles: readonly string[];
}

/** Builds the enclosure's own network: bridge, forwarding, DNS. @throws ScriptError */
export async function openNamespaces(settings: NamespaceSettings): Promise<PodNetworks> {
  const netnsFolder = join(settings.stateFolder, NETNS_FOLDER);
  mkdirSync(netnsFolder, { recursive: true });
  await runScript(enclosureScript(netnsFolder));
  const dns = await serveDns([PLATFORM_ADDRESS, DNS_ADDRESS], 53);
  const needed = [...settings.proxyFiles, settings.stateFolder];
  const proxyUser = settings.way === 'root' ? await proxyRunAs(needed) : undefined;
  return new Namespaces(netnsFolder, proxyUser, dns);
}

/** A user of its own, which may lack the right to read a checkout below /root: then it is lent that. */
async function proxyRunAs(files: readonly string[]): Promise<RunAs> {
  const plain: RunAs = { uid: PROXY_UID, capabilities: [] };
  const readsAll = ['sh', '-c', 'for file; do test -r "$file" || exit 1; done', 'sh', ...files];
  try {
    await runCommand([...setprivArgv(plain), ...readsAll]);
    return plain;
  } catch {
    return { uid: PROXY_UID, capabilities: ['dac_override'] };
  }
}

class Namespaces implements PodNetworks {
  readonly #netnsFolder: string;
  readonly #proxyUser: RunAs | undefined;
  readonly #dns: DnsServer;
  readonly #addresses = new PodAddresses();
  readonly #made = new Map<Place, { readonly netns: string; readonly moreAddresses: readonly string[] }>();
  #lastRules = '';

  constructor(netnsFolder: string, proxyUser: RunAs | undefined, dns: DnsServer) {
    this.#netnsFolder = netnsFolder;
    this.#proxyUser = proxyUser;
    this.#dns = dns;
  }

  async attach(request: PlaceRequest): Promise<Place> {
    const address = this.#addresses.take();
    const netns = join(this.#netnsFolder, `${request.namespace}.${request.name}`);
    const mark = this.#proxyUser === undefined ? 'source' : 'uid';
    const intercepts = request.interception;
    const rules = intercepts === undefined ? '' : interceptionRules(address, mark, intercepts);
    const { moreAddresses } = request;
    const pod = { address, moreAddresses, netns, rules, appSource: mark === 'source' && rules !== '' };
    try {
      await runScript(podScript(pod), [podInsideScript(pod)]);
    } catch (error) {
      await runScript(removePodScript(pod)).catch(() => {});
      this.#addresses.free(address);
      throw error;
    }
    const place = placeOf(request, address, this.#entries(request, netns), this.#proxyUser, pod.appSource);
    this.#made.set(place, { netns, moreAddresses });
    return place;
  }

  async detach(place: Place): Promise<void> {
    const made = this.#made.get(place);
    if (made === undefined) return;
    this.#made.delete(place);
    await runScript(removePodScript({ address: place.address, ...made })).catch(() => {});
    this.#addresses.free(place.address);
  }

  async serve(
    rules: readonly ServicePortRule[],
    names: ReadonlyMap<string, readonly string[]>,
  ): Promise<void> {
    this.#dns.setNames(names);
    const text = serviceRules(rules);
    if (text === this.#lastRules) return;
    this.#lastRules = text;
    await runCommand(['nft', '-f', '-'], text);
  }

  programArgv(argv: readonly string[]): readonly string[] {
    return argv;
  }

  close(): void {
    this.#dns.close();
  }

  // The proxy asks the platform's DNS directly; its application asks the usual address, where the proxy answers.
  #entries(request: PlaceRequest, netns: string): Record<Role, PodEntry> {
    const entry = (role: Role, nameserver: string): PodEntry => {
      const file = join(request.folder, `resolv.${role}.conf`);
      writeFileSync(file, resolvConf(nameserver, request.namespace));
      return { netns, resolvConf: file, hostname: request.name };
    };
    return { app: entry('app', DNS_ADDRESS), proxy: entry('proxy', PLATFORM_ADDRESS) };
  }
}

function placeOf(
  request: PlaceRequest,
  address: string,
  entries: Record<Role, PodEntry>,
  proxyUser: RunAs | undefined,
  appSource: boolean,
): Place {
  return {
    address,
    argv: (role, argv) => podArgv(entries[role], argv, role === 'proxy' ? proxyUser : undefined),
    appEnv: {},
    annotations: request.proxy === 'none' ? {} : { 'weft.dev/metrics-port': `${PORTS.metrics}` },
    target: (port) => ({ host: address, port, localAddress: PROBE_ADDRESS }),
    proxyHealth: { host: address, port: PORTS.health, localAddress: PROBE_ADDRESS },
    ...(appSource ? { proxySource: address } : {}),
    ...(request.proxy !== 'none' && proxyUser !== undefined ? { proxyUid: proxyUser.uid } : {}),
  };
}

/** Removes what {@link openNamespaces} left in the state folder of a run that was killed. */
export function removeNetnsFolder(stateFolder: string): void {
  rmSync(join(stateFolder, NETNS_FOLDER), { recursive: true, force: true });
}
