/** A control plane's serving side with a hand-made mesh in place of the compiler, for tests through real sockets. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authenticate } from '../../src/ca/authenticate.ts';
import { watchJwksFile } from '../../src/ca/jwks-file.ts';
import { DEFAULT_LIMITS, makeCertificateService } from '../../src/ca/service.ts';
import { CA_AUDIENCE } from '../../src/ca/service-account-token.ts';
import { CONTROL_PLANE_NAMES, issueServingCertificate } from '../../src/ca/serving-certificate.ts';
import { servingTls } from '../../src/ca/serving-tls.ts';
import { DEFAULT_LIFETIME, type LifetimePolicy } from '../../src/ca/sign.ts';
import { openTokenIssuer } from '../../src/ca/token-issuer.ts';
import type { Compiled, ProxyView, WorkloadSummary } from '../../src/control/compile.ts';
import { DenialRing } from '../../src/control/denials/denial-ring.ts';
import type { Emitted } from '../../src/control/emit/emitted.ts';
import { createResourceBytes } from '../../src/control/serve/encoded.ts';
import {
  createFleet,
  DEFAULT_FLEET_LIMITS,
  type Fleet,
  type FleetLimits,
} from '../../src/control/serve/fleet.ts';
import { type GrpcPorts, serveGrpc } from '../../src/control/serve/grpc-server.ts';
import { createSecretSource, type SecretData } from '../../src/control/serve/secrets.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { openAuthority } from '../../src/testing/authority.ts';
import { trustBundlePem } from '../../src/wire/identity/trust-bundle.ts';
import { typeUrls } from '../../src/xds/resources.ts';

/** What all proxies get: objects in proto3-JSON shape, each with `name` or `cluster_name`. */
export interface Contents {
  readonly listeners?: readonly object[];
  readonly clusters?: readonly object[];
  readonly routes?: readonly object[];
  readonly endpoints?: readonly object[];
}

export interface PlainMesh {
  readonly folder: string;
  readonly rootsPem: string;
  readonly rootsFile: string;
  readonly fleet: Fleet;
  readonly log: readonly string[];
  readonly securePort: number;
  readonly plainPort: number;
  set(contents: Contents): void;
  /** Writes a token file and returns its path. */
  tokenFile(namespace: string, serviceAccount: string, pod: string): Promise<string>;
  token(namespace: string, serviceAccount: string, pod: string): Promise<string>;
  /** Ends serving; `start` brings it back on the same ports. */
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

export interface PlainMeshOptions {
  readonly workloads?: readonly Pick<WorkloadSummary, 'namespace' | 'name' | 'serviceAccount'>[];
  readonly secrets?: Readonly<Record<string, SecretData>>;
  readonly limits?: Partial<FleetLimits>;
  readonly lifetime?: LifetimePolicy;
}

export async function plainMesh(options: PlainMeshOptions = {}): Promise<PlainMesh> {
  const folder = await mkdtemp(join(tmpdir(), 'weft-mesh-'));
  const nowMs = () => systemClock.nowMs();
  const authority = await openAuthority(
    { trustDomain: 'cluster.local', keyDir: join(folder, 'ca') },
    nowMs(),
  );
  const tokens = await openTokenIssuer(join(folder, 'tokens'), nowMs);
  const jwksFile = join(folder, 'jwks.json');
  await writeFile(jwksFile, tokens.jwks);
  const tokenKeys = watchJwksFile(jwksFile, () => {});
  const rules = { tokenKeys, audience: CA_AUDIENCE };
  const rootsPem = trustBundlePem(authority.bundle);
  const rootsFile = join(folder, 'roots.pem');
  await writeFile(rootsFile, rootsPem);
  const log: string[] = [];
  const bytes = createResourceBytes((message) => log.push(message));
  const secrets = createSecretSource({ rootsPem, find: (ns, name) => options.secrets?.[`${ns}/${name}`] });
  let revision = 1;
  let contents: Contents = {};
  const stateOf = () => ({
    compiled: compiledOf(contents, revision, options.workloads ?? []),
    secrets,
    bytes,
    changedAtMs: nowMs(),
  });
  let fleet = createFleet(systemClock, stateOf(), { ...DEFAULT_FLEET_LIMITS, ...options.limits });
  const serving = await issueServingCertificate(authority, CONTROL_PLANE_NAMES, 3600, nowMs());
  const createCertificate = makeCertificateService({
    authority: () => authority,
    authentication: rules,
    lifetime: options.lifetime ?? DEFAULT_LIFETIME,
    limits: DEFAULT_LIMITS,
    nowMs,
    audit: () => {},
  });
  let ports: GrpcPorts | undefined;
  let securePort = 0;
  let plainPort = 0;

  const mesh: PlainMesh = {
    folder,
    rootsPem,
    rootsFile,
    log,
    get fleet() {
      return fleet;
    },
    get securePort() {
      return securePort;
    },
    get plainPort() {
      return plainPort;
    },
    set(newer) {
      contents = newer;
      revision += 1;
      fleet.replace(stateOf());
    },
    token: (namespace, serviceAccount, pod) =>
      tokens.issueToken({ namespace, serviceAccount, pod, audience: CA_AUDIENCE, ttlSeconds: 3600 }),
    async tokenFile(namespace, serviceAccount, pod) {
      const file = join(folder, `${namespace}.${pod}.token`);
      await writeFile(file, await mesh.token(namespace, serviceAccount, pod), { mode: 0o600 });
      return file;
    },
    async stop() {
      await ports?.close();
      ports = undefined;
    },
    async start() {
      fleet = createFleet(systemClock, stateOf(), { ...DEFAULT_FLEET_LIMITS, ...options.limits });
      ports = await serveGrpc({
        fleet,
        denials: new DenialRing(),
        authenticate: (shown) => authenticate(shown, authority, rules, nowMs()),
        createCertificate,
        secure: { host: '127.0.0.1', port: securePort, tls: () => servingTls(serving) },
        plain: { host: '127.0.0.1', port: plainPort, authenticate: false },
        log: (line) => log.push(line),
      });
      securePort = ports.securePort;
      plainPort = ports.plainPort ?? 0;
    },
    async close() {
      await mesh.stop();
      await rm(folder, { recursive: true });
    },
  };
  await mesh.start();
  return mesh;
}

function compiledOf(
  contents: Contents,
  revision: number,
  workloads: readonly Pick<WorkloadSummary, 'namespace' | 'name' | 'serviceAccount'>[],
): Compiled {
  const make = (typeUrl: string, objects: readonly object[] = []): readonly Emitted<never>[] =>
    objects.map((object) => ({ name: nameOf(object), typeUrl, object: object as never, provenance: [] }));
  const listeners = make(typeUrls.listener, contents.listeners);
  const clusters = make(typeUrls.cluster, contents.clusters);
  const routes = make(typeUrls.route, contents.routes);
  const endpoints = make(typeUrls.endpoint, contents.endpoints);
  const among = (all: readonly Emitted<never>[], names?: Iterable<string>) => {
    const wanted = names && new Set(names);
    return wanted === undefined ? all : all.filter(({ name }) => wanted.has(name));
  };
  const view: ProxyView = {
    listeners: (names) => among(listeners, names),
    clusters: (names) => among(clusters, names),
    virtualHosts: () => [],
    dnsTables: () => [],
    listenerParts: () => ({ shared: listeners, own: [] }),
    clusterParts: () => ({ shared: clusters, own: [] }),
    routes: (names) => among(routes, names),
    endpoints: (names) => among(endpoints, names),
  };
  return {
    revision,
    forProxy: () => view,
    findings: () => [],
    workloads: () => workloads as readonly WorkloadSummary[],
    workload: (namespace, name) => workloads.find((one) => one.namespace === namespace && one.name === name),
    services: () => [],
    locate: () => undefined,
    gatewayApiStatuses: () => [],
    gatewaySecrets: () => new Set<string>(),
  };
}

function nameOf(object: object): string {
  const { name, cluster_name: cluster } = object as { name?: string; cluster_name?: string };
  return name ?? cluster ?? '';
}
