import { z } from 'zod';
import { portProblem } from '../check/port.ts';
import { type CoreObject, coreKind } from '../kind.ts';
import type { Report } from '../report.ts';
import { bool, type Infer, intOrText, lenient, list, text, textMap, texts } from '../schema.ts';

const port = lenient(
  { port: z.int() },
  {
    name: text,
    /** TCP (default), UDP or SCTP. */
    protocol: text,
    /** What is spoken: `http`, `kubernetes.io/h2c`, ... Wins over the name of the port. */
    appProtocol: text,
    /** Port of the Pods by number or name. Default: `port`. */
    targetPort: intOrText,
    nodePort: z.int(),
  },
);
export type ServicePort = Infer<typeof port>;

const body = lenient(
  {},
  {
    spec: lenient(
      {},
      {
        /** `None` for headless services. */
        clusterIP: text,
        clusterIPs: texts,
        externalIPs: texts,
        externalName: text,
        /** ClusterIP (default), NodePort, LoadBalancer or ExternalName. */
        type: text,
        selector: textMap,
        ports: list(port),
        publishNotReadyAddresses: bool,
        sessionAffinity: text,
        internalTrafficPolicy: text,
        trafficDistribution: text,
        ipFamilies: texts,
      },
    ),
    status: lenient(
      {},
      { loadBalancer: lenient({}, { ingress: list(lenient({}, { ip: text, hostname: text })) }) },
    ),
  },
);

/** v1 Service. */
export type Service = CoreObject<Infer<typeof body>>;

export const service = coreKind({ group: '', kind: 'Service', versions: ['v1'] }, body, (object, report) =>
  checkPorts(object.spec?.ports ?? [], report.at('spec', 'ports')),
);

function checkPorts(ports: readonly ServicePort[], report: Report): void {
  const names = new Set<string>();
  for (const [i, { name = '', port: number }] of ports.entries()) {
    const problem = portProblem(number);
    if (problem !== undefined) report.error([i, 'port'], problem);
    if (name === '' && ports.length > 1)
      report.error([i, 'name'], 'ports need names where there are several');
    // Kubernetes refuses it; a mesh written by hand works all the same, since ports go by number.
    if (name !== '' && names.has(name)) report.warn([i, 'name'], `there is already a port named "${name}"`);
    names.add(name);
  }
}
