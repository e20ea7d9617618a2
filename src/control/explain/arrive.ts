import { parseIpAddress } from '../../lib/ip-address.ts';
import type { Service } from '../../mesh/service.ts';
import type { Workload } from '../../mesh/workload.ts';
import { accept } from './accept.ts';
import { because, objectText } from './because.ts';
import { addressText, type Connection } from './connection.ts';
import { type Arrival, cut, type Ending } from './ending.ts';
import type { Request } from './http/request.ts';
import type { ExplainedProxy } from './proxy.ts';
import { MAX_DEPTH, type Scene } from './scene.ts';
import { kindOfTls } from './tls.ts';

// Who is at the other end of a connection: a workload's proxy, a workload without one, a gateway, the address of a
// Service, or something outside of the mesh.

/** What happens to a connection at the address it is for. */
export function arrive(scene: Scene, connection: Connection, request: Request | undefined): Ending {
  const { places, trace, depth } = scene;
  const { address, port } = connection.destination;
  if (depth > MAX_DEPTH) {
    trace.step('this way is a circle');
    return cut('refuse', 'reset', kindOfTls(connection));
  }
  const workload = places.workloadAt(address, port);
  if (workload !== undefined) return atWorkload(scene, workload, connection, request);
  const service =
    parseIpAddress(address) === undefined ? places.serviceNamed(address) : places.serviceAt(address, port);
  const isCluster = service?.registry === 'kubernetes';
  return isCluster ? atService(scene, service, connection, request) : outside(scene, connection, request);
}

function atWorkload(
  scene: Scene,
  workload: Workload,
  connection: Connection,
  request: Request | undefined,
): Ending {
  const gateway = scene.places.gateways.find((place) => place.workload === workload);
  if (gateway !== undefined)
    return accept(scene, scene.places.routerOf(gateway), 'gateway', connection, request);
  if (workload.dataPlane === 'none') {
    scene.trace.enter(`${workload.namespace}/${workload.owner}`);
    return atApplication(scene, workload, connection, request);
  }
  const ending = accept(scene, scene.places.sidecarOf(workload), 'inbound', connection, request);
  // What is beyond the sidecar is the workload itself: the leg that counts is the one to the sidecar.
  return { ...ending, tls: kindOfTls(connection) };
}

/** Past the sidecar: its own application. */
export function hand(
  scene: Scene,
  { workload, name }: ExplainedProxy,
  connection: Connection,
  request: Request | undefined,
): Ending {
  if (workload !== undefined) return atApplication(scene, workload, connection, request);
  return arrived({ workload: name, names: [], at: connection.destination, request }, connection);
}

function atApplication(
  scene: Scene,
  workload: Workload,
  connection: Connection,
  request: Request | undefined,
): Ending {
  const { trace, places } = scene;
  const { port } = connection.destination;
  const name = `${workload.namespace}/${workload.owner}`;
  const reason = because(places.mesh, workload.origin);
  if (!places.mesh.listens(workload, port)) {
    trace.step(`${name} does not listen at port ${port}`, reason);
    return cut('refuse', 'connect', kindOfTls(connection));
  }
  const [outermost] = connection.layers;
  if (outermost?.mesh === true) {
    trace.step(`${name} has no proxy that could take mutual TLS`, reason);
    return cut('refuse', 'connect', kindOfTls(connection));
  }
  trace.step(`${name} gets ${whatText(connection, request)} at port ${port}`, reason);
  const names = [`${workload.namespace}/${workload.name}`];
  return arrived({ workload: name, names, at: connection.destination, request }, connection);
}

function whatText({ layers }: Connection, request: Request | undefined): string {
  if (layers.length > 0)
    return `TLS that is its own business${request === undefined ? '' : ', with the request in it'}`;
  return request === undefined ? 'the bytes' : `${request.method} ${request.path} for ${request.authority}`;
}

function arrived(arrival: Arrival, connection: Connection): Ending {
  const { request } = arrival;
  const response =
    request === undefined
      ? undefined
      : { status: 200, headers: [], body: undefined, details: 'via_upstream' };
  return { outcome: 'forward', response, tls: kindOfTls(connection), arrival, failure: undefined };
}

/** The address of a Service, called without a proxy that knows it: the cluster picks an endpoint itself. */
function atService(
  scene: Scene,
  service: Service,
  connection: Connection,
  request: Request | undefined,
): Ending {
  const { port } = connection.destination;
  const ends = scene.places.endpointsOf(service, port);
  const reason = because(scene.places.mesh, service.origin);
  if (ends.length === 0) {
    scene.trace.step(`${objectText(service.origin)} has no endpoint for port ${port}`, reason);
    return cut('refuse', 'connect', kindOfTls(connection));
  }
  const destination = ends[scene.chance.pick(ends.map(() => 1))] ?? connection.destination;
  scene.trace.step(
    `the cluster sends it to ${addressText(destination)}, an endpoint of ${objectText(service.origin)}`,
    reason,
  );
  return arrive({ ...scene, depth: scene.depth + 1 }, { ...connection, destination }, request);
}

function outside(scene: Scene, connection: Connection, request: Request | undefined): Ending {
  const { address, port } = connection.destination;
  const name = scene.trace.outside.get(address) ?? address;
  const at = addressText({ address: name, port });
  const known = scene.places.services.filter(
    ({ endpoints, hostname }) =>
      endpoints.some((endpoint) => endpoint.address === address) || hostname === address,
  );
  const names = known.flatMap(({ namespace, name: object }) => [
    `${namespace}/${address}`,
    `${namespace}/${object}`,
  ]);
  scene.trace.enter(at);
  scene.trace.step(`${at}, outside of the mesh, gets ${whatText(connection, request)}`);
  return arrived({ workload: at, names, at: connection.destination, request }, connection);
}
