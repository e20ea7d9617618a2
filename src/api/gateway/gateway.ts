import { ipAddressProblem } from '../check/address.ts';
import { portProblem } from '../check/port.ts';
import { specKind } from '../kind.ts';
import type { SpecObject } from '../object.ts';
import type { Report } from '../report.ts';
import { type Infer, int32, list, message, oneOf, text, textMap } from '../schema.ts';
import { checkLimits } from './shared/limits.ts';
import { checkListeners, labelSelector, listeners } from './shared/listeners.ts';
import { GATEWAY_API_GROUP, hostnameProblem } from './shared/names.ts';
import { checkRefNames, localRef, secretRef } from './shared/references.ts';

const caRef = message({ group: text, kind: text, name: text }, { namespace: text });

const frontendTls = message(
  {},
  {
    validation: message(
      { caCertificateRefs: list(caRef) },
      { mode: oneOf('AllowValidOnly', 'AllowInsecureFallback') },
    ),
  },
);

const spec = message(
  { gatewayClassName: text, listeners },
  {
    addresses: list(message({}, { type: text, value: text })),
    allowedListeners: message(
      {},
      {
        namespaces: message({}, { from: oneOf('All', 'Selector', 'Same', 'None'), selector: labelSelector }),
      },
    ),
    infrastructure: message({}, { labels: textMap, annotations: textMap, parametersRef: localRef }),
    tls: message(
      {},
      {
        backend: message({}, { clientCertificateRef: secretRef }),
        frontend: message(
          { default: frontendTls },
          { perPort: list(message({ port: int32, tls: frontendTls }, {})) },
        ),
      },
    ),
    defaultScope: oneOf('All', 'None'),
  },
);

/** Spec of the Gateway API's Gateway: listeners of one gateway, to which routes attach. */
export type KubernetesGatewaySpec = Infer<typeof spec>;
export type KubernetesGateway = SpecObject<KubernetesGatewaySpec>;

/** gateway.networking.k8s.io Gateway. */
export const kubernetesGateway = specKind(
  { group: GATEWAY_API_GROUP, kind: 'Gateway', versions: ['v1', 'v1beta1'] },
  spec,
  checkGateway,
);

function checkGateway(gateway: KubernetesGatewaySpec, report: Report): void {
  if (gateway.gatewayClassName === '')
    report.error('gatewayClassName', 'the name of the GatewayClass is missing');
  checkListeners(gateway.listeners, report.at('listeners'));
  checkLimits(gateway, ['listeners', 'addresses'], report);
  checkLimits(gateway.infrastructure ?? {}, ['labels', 'annotations'], report.at('infrastructure'));
  checkFrontend(gateway.tls?.frontend, report.at('tls', 'frontend'));
  checkRefNames(gateway.infrastructure?.parametersRef ?? {}, report.at('infrastructure', 'parametersRef'));
  checkAddresses(gateway.addresses ?? [], report.at('addresses'));
}

type Frontend = NonNullable<NonNullable<KubernetesGatewaySpec['tls']>['frontend']>;

/** Each port once, and authorities wherever certificates of clients are verified. */
function checkFrontend(frontend: Frontend | undefined, report: Report): void {
  const { default: standard, perPort = [] } = frontend ?? {};
  checkLimits(frontend ?? {}, ['perPort'], report);
  checkAuthorities(standard?.validation, report.at('default', 'validation'));
  const ports = new Set<number>();
  for (const [i, { port, tls }] of perPort.entries()) {
    const problem = ports.has(port) ? `there is already an entry for port ${port}` : portProblem(port);
    if (problem !== undefined) report.error(['perPort', i, 'port'], problem);
    ports.add(port);
    checkAuthorities(tls.validation, report.at('perPort', i, 'tls', 'validation'));
  }
}

function checkAuthorities(validation: Frontend['default']['validation'], report: Report): void {
  if (validation === undefined) return;
  checkLimits(validation, ['caCertificateRefs'], report);
  if (validation.caCertificateRefs.length === 0)
    report.error('caCertificateRefs', 'caCertificateRefs is empty: whose certificates are trusted?');
  for (const [i, ref] of validation.caCertificateRefs.entries())
    checkRefNames(ref, report.at('caCertificateRefs', i));
}

/** IP addresses (the default type) and host names, each once; types of other vendors are theirs to judge. */
function checkAddresses(addresses: NonNullable<KubernetesGatewaySpec['addresses']>, report: Report): void {
  const seen = new Set<string>();
  for (const [i, { type = 'IPAddress', value }] of addresses.entries()) {
    if (value === undefined) continue;
    const text = `${type} ${value}`;
    const own = type === 'IPAddress' ? ipAddressProblem(value) : undefined;
    const problem = type === 'Hostname' && value !== '' ? hostnameProblem(value, true) : own;
    if (problem !== undefined) report.error([i, 'value'], problem);
    if (seen.has(text)) report.error([i, 'value'], `"${value}" is already in this list`);
    seen.add(text);
  }
}
