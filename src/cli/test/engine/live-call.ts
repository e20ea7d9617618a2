import type { TestCase } from '../../../api/weft/traffic-test.ts';
import {
  type Caller,
  parseCaller,
  parseTarget,
  type Target,
  withToken,
} from '../../../control/explain/call.ts';
import { gatewayFor, ownPort } from '../../../control/explain/gateway-door.ts';
import { sceneOf } from '../../../control/explain/journeys.ts';
import { resolveName } from '../../../control/explain/names.ts';
import type { GatewayPlace, Places } from '../../../control/explain/places.ts';
import type { CallOrder } from '../../../echo/order.ts';
import { parseIpAddress } from '../../../lib/ip-address.ts';
import { Untestable } from '../observation.ts';
import { type PlannedEcho, WORLD } from './plan.ts';
import type { RunningMesh } from './running-mesh.ts';

/** A request of a test, ready to be made. */
export interface LiveCall {
  readonly from: PlannedEcho;
  /** The Pod whose proxy sees it first; undefined where none does. */
  readonly firstProxy: { readonly namespace: string; readonly pod: string } | undefined;
  readonly order: Omit<CallOrder, 'id'>;
}

/** Longer than any time-out or delay that a test can wait for. */
const CALL_TIMEOUT_MS = 20_000;

/** Makes a call of a test's request. `token` is '' for none. @throws Untestable */
export function liveCall(mesh: RunningMesh, test: TestCase, token: string): LiveCall {
  const caller = parseCaller(test.from);
  if (caller === undefined) throw new Untestable('from', `"${test.from}" is nobody`);
  const { url = '', method, headers = {}, body = '', sni = '', plaintext = false } = test.send;
  const target = parseTarget(url);
  if (target === undefined) throw new Untestable('send.url', `"${url}" is not a URL`);
  const own = Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'host');
  const host = Object.entries(headers).find(([name]) => name.toLowerCase() === 'host')?.[1];
  const { path, headers: sent } =
    token === '' ? { path: target.path, headers: own } : withToken(target.path, own, token);
  const order = {
    scheme: target.scheme,
    authority: host ?? target.authority,
    path,
    method: method ?? (target.scheme === 'grpc' ? 'POST' : 'GET'),
    headers: sent,
    body,
    sni:
      sni === '' && target.scheme === 'https' && parseIpAddress(target.host) === undefined
        ? target.host
        : sni,
    timeoutMs: CALL_TIMEOUT_MS,
  };
  const { from, firstProxy, host: connectTo, port } = way(mesh, caller, target, plaintext, order.authority);
  return { from, firstProxy, order: { ...order, host: connectTo, port } };
}

interface Way extends Pick<LiveCall, 'from' | 'firstProxy'> {
  readonly host: string;
  readonly port: number;
}

function way(mesh: RunningMesh, caller: Caller, target: Target, plaintext: boolean, authority: string): Way {
  const { places, echoes } = mesh.plan;
  if (caller.kind === 'workload') {
    const workload = places.workloadNamed(caller.namespace, caller.name);
    const from = echoes.find(
      ({ namespace, pod }) => namespace === workload?.namespace && pod === workload.name,
    );
    if (workload === undefined || from === undefined)
      throw new Untestable('from', `nobody is called ${caller.namespace}/${caller.name}`);
    const proxied = workload.dataPlane !== 'none' && !plaintext;
    if (proxied) return { from, firstProxy: from, host: target.host, port: target.port };
    const name = plaintext ? fullName(places, target.host, caller.namespace) : target.host;
    return { from: plaintext ? world(mesh) : from, firstProxy: undefined, host: name, port: target.port };
  }
  if (caller.kind === 'gateway') {
    const gateway = places.gatewayNamed(caller.namespace, caller.name);
    if (gateway === undefined)
      throw new Untestable('from', `there is no gateway ${caller.namespace}/${caller.name}`);
    return atGateway(mesh, gateway, target.port);
  }
  const resolved = resolveName(places, target.host, WORLD.namespace, undefined);
  const [address = ''] = resolved.addresses;
  const inside =
    resolved.from === 'cluster' ||
    (resolved.from === 'address' &&
      (places.workloadAt(address, target.port) ?? places.serviceAt(address, target.port)) !== undefined);
  const gateway = inside ? undefined : gatewayFor(sceneFor(places), target.port, authority || target.host);
  if (gateway !== undefined) return atGateway(mesh, gateway, target.port);
  const host = resolved.from === 'cluster' ? resolved.name : target.host;
  // A name that no gateway knows leads nowhere: clients outside do not look it up in the mesh's world.
  return {
    from: world(mesh),
    firstProxy: undefined,
    host: inside ? host : '127.0.0.1',
    port: inside ? target.port : 1,
  };
}

function atGateway(mesh: RunningMesh, gateway: GatewayPlace, port: number): Way {
  const { places } = mesh.plan;
  const scene = sceneFor(places);
  const own = ownPort(scene, gateway, places.routerOf(gateway), port);
  const pod = { namespace: gateway.namespace, pod: gateway.workload?.name ?? gateway.name };
  const address = mesh.addresses().get(`${pod.namespace}/${pod.pod}`);
  if (address === undefined)
    throw new Untestable('from', `the gateway ${pod.namespace}/${pod.pod} does not run`);
  return { from: world(mesh), firstProxy: pod, host: address, port: own };
}

function world(mesh: RunningMesh): PlannedEcho {
  return mesh.plan.echoes.find(({ name }) => name === WORLD.name) as PlannedEcho;
}

/** The name that a client in another namespace must use for what this one calls by a short one. */
function fullName(places: Places, host: string, namespace: string): string {
  const resolved = resolveName(places, host, namespace, undefined);
  return resolved.from === 'cluster' ? resolved.name : host;
}

/** Looks things up only: nothing is left to chance there. */
function sceneFor(places: Places) {
  return sceneOf(places, { pick: () => 0 });
}
