import { portProblem } from '../../check/port.ts';
import { specKind } from '../../kind.ts';
import type { SpecObject } from '../../object.ts';
import type { Report } from '../../report.ts';
import { type Infer, int32, message, oneOf, text, textMap } from '../../schema.ts';
import { certificateValidation, checkCertificateValidation } from '../backend-tls-policy.ts';
import { EXPERIMENTAL_GROUP, hostnameProblem } from '../shared/names.ts';
import { checkRefNames, secretRef } from '../shared/references.ts';

const tls = message(
  { mode: oneOf('None', 'ServerOnly', 'ClientAndServer') },
  { clientCertificateRef: secretRef, validation: certificateValidation },
);

const spec = message(
  { type: oneOf('ExternalHostname', 'EndpointSelector') },
  {
    // `number` as the API has it since 2026, `port` and `name` as it had it before.
    port: message({}, { number: int32, port: int32, name: text }),
    externalHostname: message({ hostname: text }, {}),
    endpointSelector: message({}, { matchLabels: textMap }),
    protocol: oneOf('TCP', 'HTTP', 'HTTP2', 'HTTP11', 'H2C', 'MCP', 'GRPC', 'WSS'),
    tls,
  },
);

/** Spec of an XBackend: somewhere that routes lead to without a Service. */
export type BackendSpec = Infer<typeof spec>;
export type Backend = SpecObject<BackendSpec>;

/** gateway.networking.x-k8s.io XBackend. */
export const backend = specKind(
  { group: EXPERIMENTAL_GROUP, kind: 'XBackend', versions: ['v1alpha1'] },
  spec,
  (one, report) => {
    checkPlace(one, report);
    if (one.tls !== undefined) checkTls(one, one.tls, report);
  },
);

function checkPlace(
  { type, port = {}, externalHostname, endpointSelector }: BackendSpec,
  report: Report,
): void {
  const number = port.number ?? port.port;
  const problem = number === undefined ? 'the number of the port is missing' : portProblem(number);
  if (problem !== undefined) report.error('port', problem);
  const [own, other] =
    type === 'ExternalHostname'
      ? (['externalHostname', 'endpointSelector'] as const)
      : (['endpointSelector', 'externalHostname'] as const);
  const fields = { externalHostname, endpointSelector };
  if (fields[own] === undefined) report.error(own, `${own} is required for type ${type}`);
  if (fields[other] !== undefined) report.error(other, `${other} does not belong to type ${type}`);
  const hostname = externalHostname?.hostname;
  const garbled = hostname === undefined ? undefined : hostnameProblem(hostname, false);
  if (garbled !== undefined) report.error(['externalHostname', 'hostname'], garbled);
  if (hostname?.endsWith('.cluster.local') === true)
    report.error(['externalHostname', 'hostname'], `"${hostname}" is a Service; name that in backendRefs`);
}

function checkTls({ protocol }: BackendSpec, spec: NonNullable<BackendSpec['tls']>, report: Report): void {
  const { mode, clientCertificateRef, validation } = spec;
  if ((mode === 'ClientAndServer') !== (clientCertificateRef !== undefined))
    report.error(
      ['tls', 'clientCertificateRef'],
      'clientCertificateRef is for mode ClientAndServer, and is required there',
    );
  checkRefNames(clientCertificateRef ?? {}, report.at('tls', 'clientCertificateRef'));
  if (validation !== undefined) checkCertificateValidation(validation, report.at('tls', 'validation'));
  if (protocol === 'H2C' && mode !== 'None')
    report.error('protocol', 'H2C is without TLS; use HTTP2, or mode None');
}
