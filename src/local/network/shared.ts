import { freePorts, POD_PORTS } from './free-ports.ts';
import { NODE_OPTIONS_FOR_FETCH } from './node-fetch.ts';
import { PORTS } from './plan.ts';
import type { Place, PlaceRequest, PodNetworks, ProxyPorts, SocketTarget } from './pod-networks.ts';

// No namespaces: every pod is on 127.0.0.1, with ports of its own for everything. Applications are told theirs by
// PORT and find their proxy by HTTP_PROXY; the control plane reads all of it from the Pod's annotations.

const HOST = '127.0.0.1';
/** Ports of the proxy's application to find listeners by, as Istio's gateways have them, where the Pod names none. */
const GATEWAY_PORTS = [8080, 8443];

/** `diesWithUs` is put before every command line, so that the process ends with the platform (`setpriv ...`); may be empty. */
export function openShared(diesWithUs: readonly string[]): PodNetworks {
  const taken = new Set<number>();
  return {
    async attach(request) {
      const named = request.ports.map((port) => port.number);
      const wanted = request.proxy === 'gateway' ? [...new Set([...named, ...GATEWAY_PORTS])] : named;
      const ports = await freePorts(Math.max(1, wanted.length) + 5, taken, POD_PORTS);
      return placeOf(request, wanted, ports, diesWithUs);
    },
    async detach(place) {
      for (const port of portsOf.get(place) ?? []) taken.delete(port);
    },
    async serve() {}, // cluster IPs and names lead nowhere here: applications go through their proxy
    programArgv: (argv) => [...diesWithUs, ...argv],
    close() {},
  };
}

const portsOf = new WeakMap<Place, readonly number[]>();

function placeOf(
  request: PlaceRequest,
  wanted: readonly number[],
  free: readonly number[],
  diesWithUs: readonly string[],
): Place {
  const [admin = 0, inbound = 0, outbound = 0, health = 0, metrics = 0, ...rest] = free;
  const proxyPorts: ProxyPorts = { admin, inbound, outbound, health, metrics };
  const real = new Map(wanted.map((port, i) => [port, rest[i] ?? 0]));
  const target = (port: number): SocketTarget => ({ host: HOST, port: real.get(port) ?? port });
  const place: Place = {
    address: HOST,
    argv: (_role, argv) => [...diesWithUs, ...argv],
    appEnv: {
      ...appPorts(request, real, rest[0] ?? 0),
      ...(request.proxy === 'sidecar' ? viaProxy(outbound) : {}),
    },
    annotations:
      request.proxy === 'none' ? { 'weft.dev/ports': pairs(real) } : annotationsOf(real, proxyPorts),
    target,
    proxyHealth: { host: HOST, port: health },
    proxyPorts,
  };
  portsOf.set(place, free);
  return place;
}

/** PORT is the first port, PORT_9080 and PORT_HTTP each one by number and by name. */
function appPorts(
  request: PlaceRequest,
  real: ReadonlyMap<number, number>,
  first: number,
): Record<string, string> {
  const env: Record<string, string> = { HOST, PORT: `${first}` };
  for (const { number, name = '' } of request.ports) {
    const port = `${real.get(number) ?? number}`;
    env[`PORT_${number}`] = port;
    if (name !== '') env[`PORT_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`] = port;
  }
  return env;
}

function viaProxy(port: number): Record<string, string> {
  const url = `http://${HOST}:${port}`;
  return {
    HTTP_PROXY: url,
    http_proxy: url,
    NO_PROXY: `localhost,${HOST}`,
    no_proxy: `localhost,${HOST}`,
    NODE_USE_ENV_PROXY: '1', // Node's own HTTP client looks at the others only then
    NODE_OPTIONS: NODE_OPTIONS_FOR_FETCH,
  };
}

function annotationsOf(real: ReadonlyMap<number, number>, proxy: ProxyPorts): Record<string, string> {
  return {
    'weft.dev/ports': pairs(real),
    'weft.dev/inbound-port': `${proxy.inbound}`,
    'weft.dev/proxy-port': `${proxy.outbound}`,
    'weft.dev/admin-port': `${proxy.admin}`,
    'weft.dev/health-port': `${proxy.health}`,
    'weft.dev/metrics-port': `${proxy.metrics}`,
  };
}

/** `9080:40001,9081:40002`: the port a pod would have, then the one it has. The proxy's own are not among them. */
function pairs(real: ReadonlyMap<number, number>): string {
  const app = [...real].filter(([port]) => port !== PORTS.health && port !== PORTS.metrics);
  return app.map(([from, to]) => `${from}:${to}`).join(',');
}
