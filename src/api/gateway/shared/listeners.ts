import { portProblem } from '../../check/port.ts';
import type { Report } from '../../report.ts';
import { type Infer, int32, list, message, oneOf, text, textMap, texts } from '../../schema.ts';
import { checkLimits } from './limits.ts';
import { hostnameProblem, sectionNameProblem } from './names.ts';
import { checkRefNames, secretRef } from './references.ts';

/** Objects by labels (Kubernetes' meta/v1 LabelSelector). */
export const labelSelector = message(
  {},
  {
    matchLabels: textMap,
    matchExpressions: list(message({ key: text, operator: text }, { values: texts })),
  },
);
export type LabelSelector = Infer<typeof labelSelector>;

const allowedRoutes = message(
  {},
  {
    namespaces: message({}, { from: oneOf('All', 'Selector', 'Same', 'None'), selector: labelSelector }),
    kinds: list(message({ kind: text }, { group: text })),
  },
);

const listener = message(
  { name: text, port: int32, protocol: text },
  {
    hostname: text,
    tls: message(
      {},
      { mode: oneOf('Terminate', 'Passthrough'), certificateRefs: list(secretRef), options: textMap },
    ),
    allowedRoutes,
  },
);
export type Listener = Infer<typeof listener>;
export const listeners = list(listener);

/** Names, ports, and what goes with which protocol; no two listeners in the same place. */
export function checkListeners(entries: readonly Listener[], report: Report): void {
  if (entries.length === 0) report.error([], 'at least one listener is needed: name, port and protocol');
  const names = new Set<string>();
  const places = new Map<string, number>();
  for (const [i, entry] of entries.entries()) {
    const at = report.at(i);
    const name = names.has(entry.name)
      ? `there is already a listener "${entry.name}"`
      : sectionNameProblem(entry.name);
    if (name !== undefined) at.error('name', name);
    names.add(entry.name);
    const port = portProblem(entry.port);
    if (port !== undefined) at.error('port', port);
    const place = `${entry.port} ${entry.protocol} ${entry.hostname ?? ''}`;
    const earlier = places.get(place);
    if (earlier !== undefined) at.error([], `listeners[${earlier}] has the same port, protocol and hostname`);
    places.set(place, i);
    checkProtocol(entry, at);
    checkLimits(entry.allowedRoutes ?? {}, ['kinds'], at.at('allowedRoutes'));
    checkLimits(entry.tls ?? {}, ['certificateRefs', 'options'], at.at('tls'));
    for (const [j, kind] of (entry.allowedRoutes?.kinds ?? []).entries())
      checkRefNames(kind, at.at('allowedRoutes', 'kinds', j));
  }
}

const MAX_PROTOCOL_LENGTH = 255;
const PROTOCOL =
  /^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$|^[a-z0-9](?:[-.a-z0-9]*[a-z0-9])?\/[A-Za-z0-9]+$/;

function checkProtocol(entry: Listener, report: Report): void {
  const { protocol, tls, hostname } = entry;
  if (protocol === '') report.error('protocol', 'protocol is required: HTTP, HTTPS, TLS, TCP or UDP');
  else if (protocol.length > MAX_PROTOCOL_LENGTH || !PROTOCOL.test(protocol))
    report.error(
      'protocol',
      `"${protocol}" is neither a protocol's name nor one of the form example.com/name`,
    );
  if (tls !== undefined && ['HTTP', 'TCP', 'UDP'].includes(protocol))
    report.error('tls', `a listener with protocol ${protocol} has no TLS; use HTTPS or TLS, or drop tls`);
  if (protocol === 'HTTPS' && (tls?.mode ?? 'Terminate') !== 'Terminate')
    report.error(['tls', 'mode'], 'HTTPS ends TLS here; use protocol TLS to pass it through');
  if (protocol === 'TLS' && tls?.mode === undefined)
    report.error(['tls', 'mode'], 'protocol TLS needs tls.mode: Passthrough or Terminate');
  for (const [i, ref] of (tls?.certificateRefs ?? []).entries())
    checkRefNames(ref, report.at('tls', 'certificateRefs', i));
  if (hostname !== undefined && ['TCP', 'UDP'].includes(protocol))
    report.error('hostname', `${protocol} carries no host name; leave hostname out`);
  const problem = hostname === undefined ? undefined : hostnameProblem(hostname, true);
  if (problem !== undefined) report.error('hostname', problem);
  const ends = tls !== undefined && (tls.mode ?? 'Terminate') === 'Terminate';
  if (ends && (tls.certificateRefs ?? []).length === 0 && Object.keys(tls.options ?? {}).length === 0)
    report.error(['tls', 'certificateRefs'], 'certificateRefs is required: the Secret with the certificate');
}
