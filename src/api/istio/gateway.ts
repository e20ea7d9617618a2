import { ipAddressProblem, isIpAddress, UNIX_PREFIX, unixPathProblem } from '../check/address.ts';
import { isDnsLabel, isPartialWildcard, wildcardHostProblem } from '../check/host.ts';
import { portProblem } from '../check/port.ts';
import { isHttpProtocol, isTlsProtocol, protocolProblem } from '../check/protocol.ts';
import { specKind } from '../kind.ts';
import type { ObjectMeta, SpecObject } from '../object.ts';
import type { Report } from '../report.ts';
import { type Infer, list, message, text, textMap, texts, uint32 } from '../schema.ts';
import { checkServerTls, defaultServerTlsMode, type ServerTls, serverTls } from './shared/server-tls.ts';

const gatewayPort = message({}, { number: uint32, name: text, protocol: text, targetPort: uint32 });

const server = message(
  {},
  { port: gatewayPort, bind: text, hosts: texts, tls: serverTls, defaultEndpoint: text, name: text },
);
export type GatewayServer = Infer<typeof server>;

const spec = message({}, { servers: list(server), selector: textMap });

/** Spec of an Istio Gateway: which ports the selected gateway workloads open, and for which hosts. */
export type GatewaySpec = Infer<typeof spec>;
export type Gateway = SpecObject<GatewaySpec>;

/** networking.istio.io Gateway. */
export const gateway = specKind(
  { group: 'networking.istio.io', kind: 'Gateway', versions: ['v1', 'v1beta1', 'v1alpha3'] },
  spec,
  checkGateway,
);

function checkGateway(gateway: GatewaySpec, report: Report, metadata: ObjectMeta, atMetadata: Report): void {
  if (!isDnsLabel(metadata.name))
    atMetadata.error(
      'name',
      `a Gateway cannot be named "${metadata.name}": use at most 63 letters, digits and "-", no dots`,
    );
  const servers = gateway.servers ?? [];
  if (servers.length === 0)
    report.error('servers', 'a Gateway needs at least one server: a port and its hosts');
  const names = new Set<string>();
  for (const [i, entry] of servers.entries()) {
    const at = report.at('servers', i);
    checkServer(entry, at);
    const name = entry.port?.name ?? '';
    if (entry.port !== undefined && names.has(name))
      at.error(['port', 'name'], `there is already a port named "${name}"; names must differ`);
    if (entry.port !== undefined) names.add(name);
  }
}

function checkServer(entry: GatewayServer, report: Report): void {
  const hosts = entry.hosts ?? [];
  if (hosts.length === 0) report.error('hosts', 'hosts is required; use "*" for any host');
  for (const [i, host] of hosts.entries()) checkServerHost(host, report.at('hosts', i));
  checkServerTls(entry.tls, report.at('tls'));
  checkBind(entry, report);
  if (entry.port === undefined) report.error('port', 'port is required: number, name and protocol');
  else if (checkServerPort(entry.port, entry.bind ?? '', report.at('port'))) checkTlsFits(entry, report);
}

/** A host, or `namespace/host`, where the namespace is that of the VirtualServices that may use it. */
function checkServerHost(entry: string, report: Report): void {
  const slash = entry.indexOf('/');
  const namespace = entry.slice(0, Math.max(slash, 0));
  const host = entry.slice(slash + 1);
  if (slash >= 0 && namespace !== '*' && namespace !== '.' && !isDnsLabel(namespace))
    report.error(
      [],
      `"${entry}" does not begin with a namespace; use a name, "." for this namespace or "*" for all`,
    );
  if (host !== '*' && !host.includes('.'))
    report.error(
      [],
      `"${host}" is a short name; write the full name of the host, such as ${host || 'shop'}.example.com`,
    );
  const problem = isIpAddress(host) ? undefined : wildcardHostProblem(host);
  if (problem !== undefined) report.error([], problem);
  else if (isPartialWildcard(host))
    report.error([], `"${host}" has "*" beside other letters; write *.example.com`);
}

function checkServerPort(port: NonNullable<GatewayServer['port']>, bind: string, report: Report): boolean {
  const number = port.number ?? 0;
  const onSocket = bind.startsWith(UNIX_PREFIX) && number === 0;
  const problems: [string, string | undefined][] = [
    ['protocol', protocolProblem(port.protocol ?? '')],
    ['number', onSocket ? undefined : portProblem(number)],
    [
      'targetPort',
      (port.targetPort ?? 0) > 0 ? 'targetPort has no effect on a Gateway; leave it out' : undefined,
    ],
    ['name', (port.name ?? '') === '' ? 'the name of the port is required, such as http' : undefined],
  ];
  for (const [field, problem] of problems) if (problem !== undefined) report.error(field, problem);
  return problems.every(([, problem]) => problem === undefined);
}

function checkBind({ bind = '', port }: GatewayServer, report: Report): void {
  if (bind === '') return;
  if (!bind.startsWith(UNIX_PREFIX)) {
    const problem = ipAddressProblem(bind);
    if (problem !== undefined) report.error('bind', problem);
    return;
  }
  const problem = unixPathProblem(bind.slice(UNIX_PREFIX.length));
  if (problem !== undefined) report.error('bind', problem);
  if ((port?.number ?? 0) !== 0)
    report.error(['port', 'number'], 'a Unix socket has no port; write number: 0');
}

/** TLS settings belong to HTTPS and TLS ports; an HTTP port may only have the redirect to HTTPS. */
function checkTlsFits(entry: GatewayServer, report: Report): void {
  const protocol = entry.port?.protocol ?? '';
  if (isTlsProtocol(protocol)) {
    if (entry.tls === undefined) report.error('tls', `a port with protocol ${protocol} needs tls settings`);
  } else if (entry.tls !== undefined && (!isHttpProtocol(protocol) || hasTermination(entry.tls)))
    report.error(
      'tls',
      `a port with protocol ${protocol} has no TLS; use protocol HTTPS or TLS, or drop tls`,
    );
  if (!isHttpProtocol(protocol) && entry.tls?.httpsRedirect === true)
    report.warn(['tls', 'httpsRedirect'], 'httpsRedirect has an effect on HTTP ports only');
}

function hasTermination(tls: ServerTls): boolean {
  const mode = tls.mode ?? defaultServerTlsMode;
  const passes = mode === 'PASSTHROUGH' || mode === 'AUTO_PASSTHROUGH';
  return !passes || Boolean(tls.caCertificates || tls.privateKey || tls.serverCertificate);
}
