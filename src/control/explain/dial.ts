import { accept } from './accept.ts';
import { because } from './because.ts';
import { type Call, callerText, type Target, withToken } from './call.ts';
import type { Connection, TlsLayer } from './connection.ts';
import { cut, type Ending } from './ending.ts';
import { atGateway, gatewayFor } from './gateway-door.ts';
import { type Headers, headerOf, type Request, withHeader, withoutHeader } from './http/request.ts';
import { type Claims, TOKEN_TEXT } from './http/verify-token.ts';
import { type Resolved, resolveName } from './names.ts';
import type { ExplainedProxy } from './proxy.ts';
import type { Scene } from './scene.ts';
import { UnknownCaller } from './unknown-caller.ts';

/** Makes a call: finds out who calls and whom, and begins a connection. */
export function dial(scene: Scene, call: Call): Ending {
  const { from } = call;
  const request = requestOf(call);
  const layers = clientTls(call);
  scene.trace.enter(callerText(from));
  scene.trace.lastRequest = request;
  if (from.kind === 'outside') return fromOutside(scene, call, request, layers);
  if (from.kind === 'workload') return fromWorkload(scene, call, request, layers);
  const gateway = scene.places.gatewayNamed(from.namespace, from.name);
  if (gateway === undefined) throw new UnknownCaller(from, scene.places);
  return atGateway(scene, gateway, call.target.port, { ...blank(call), layers }, request);
}

function fromWorkload(
  scene: Scene,
  call: Call,
  request: Request | undefined,
  layers: readonly TlsLayer[],
): Ending {
  const { places } = scene;
  const { namespace, name } = call.from as Extract<Call['from'], { kind: 'workload' }>;
  const workload = places.workloadNamed(namespace, name);
  if (workload === undefined) throw new UnknownCaller(call.from, places);
  const proxied = workload.dataPlane !== 'none' && !call.plaintext;
  const proxy = proxied ? places.sidecarOf(workload) : undefined;
  const destination = look(scene, call.target, namespace, proxy);
  const source = { address: workload.ips[0] ?? '', port: CLIENT_PORT };
  const connection = { ...blank(call), layers, source, destination };
  if (proxy !== undefined) return accept(scene, proxy, 'outbound', connection, request);
  scene.trace.step(
    call.plaintext ? 'calls past its proxy, in plain text' : 'has no proxy and calls by itself',
    because(places.mesh, workload.origin),
  );
  return scene.arrive(scene, connection, request);
}

/** By a name that the cluster knows straight to it; by any other through the mesh's door. */
function fromOutside(
  scene: Scene,
  call: Call,
  request: Request | undefined,
  layers: readonly TlsLayer[],
): Ending {
  const { places, trace } = scene;
  const resolved = resolveName(places, call.target.host, 'default', undefined);
  const [address = ''] = resolved.addresses;
  const inside =
    resolved.from === 'cluster' ||
    (resolved.from === 'address' &&
      (places.workloadAt(address, call.target.port) ?? places.serviceAt(address, call.target.port)) !==
        undefined);
  const gateway = inside
    ? undefined
    : gatewayFor(scene, call.target.port, request?.authority ?? call.target.host);
  const connection = { ...blank(call), layers };
  if (gateway !== undefined) return atGateway(scene, gateway, call.target.port, connection, request);
  if (!inside) {
    trace.step(
      `${call.target.host} is no name of the mesh, and no gateway listens at port ${call.target.port}`,
    );
    return cut('refuse', 'connect', 'none');
  }
  const destination = look(scene, call.target, 'default', undefined);
  return scene.arrive(scene, { ...connection, destination }, request);
}

/** Looks the target's name up; of several addresses of no service any may be called. */
function look(scene: Scene, target: Target, namespace: string, proxy: ExplainedProxy | undefined) {
  const resolved = resolveName(scene.places, target.host, namespace, proxy);
  const { addresses, anyOf } = resolved;
  const at = anyOf && addresses.length > 1 ? scene.chance.pick(addresses.map(() => 1)) : 0;
  const destination = { address: addresses[at] ?? '', port: target.port };
  sayName(scene, target, resolved, destination.address);
  return destination;
}

const SOURCES = { proxy: "its proxy's DNS", cluster: "the cluster's DNS" } as const;

function sayName(scene: Scene, target: Target, resolved: Resolved, address: string): void {
  const { from, name, origin } = resolved;
  if (from === 'address') return;
  if (from === 'outside') {
    scene.trace.outside.set(address, target.host);
    scene.trace.step(`${target.host} is no name of the mesh: taken for a host outside of it`);
    return;
  }
  const full = name === target.host ? '' : ` (${name})`;
  scene.trace.step(
    `${target.host}${full} is ${address}, says ${SOURCES[from]}`,
    because(scene.places.mesh, origin),
  );
}

/** Some port of the client's own. */
const CLIENT_PORT = 50_000;
/** A client in no mesh (TEST-NET-3, RFC 5737). */
const CLIENT_ADDRESS = '203.0.113.1';

function blank({ target }: Call): Connection {
  return {
    source: { address: CLIENT_ADDRESS, port: CLIENT_PORT },
    destination: { address: '', port: target.port },
    layers: [],
    content: target.scheme === 'tcp' ? 'tcp' : target.scheme === 'grpc' ? 'h2c' : 'http/1.1',
  };
}

/** TLS that the client itself begins. */
function clientTls({ target, sni }: Call): readonly TlsLayer[] {
  if (target.scheme !== 'https' && (target.scheme !== 'tcp' || sni === '')) return [];
  const named = /^[\d.]+$|:/.test(target.host) ? '' : target.host;
  return [
    {
      by: 'client',
      serverName: sni === '' ? named : sni,
      alpn: target.scheme === 'https' ? ['h2', 'http/1.1'] : [],
      shows: '',
      expects: [],
      mesh: false,
    },
  ];
}

/** What the connection carries; undefined for mere bytes. */
function requestOf({ target, method, headers, jwt }: Call): Request | undefined {
  if (target.scheme === 'tcp') return undefined;
  const authority = headerOf(headers, 'host') ?? target.authority;
  let own: Headers = withoutHeader(headers, 'host');
  if (target.scheme === 'grpc' && headerOf(own, 'content-type') === undefined)
    own = withHeader(own, 'content-type', 'application/grpc');
  let { path } = target;
  if (jwt !== undefined) ({ path, headers: own } = withToken(path, own, TOKEN_TEXT));
  const scheme = target.scheme === 'https' ? 'https' : 'http';
  const claims = jwt === undefined ? {} : { claims: jwt as Claims };
  return { method, path, authority, scheme, headers: own, ...claims };
}
