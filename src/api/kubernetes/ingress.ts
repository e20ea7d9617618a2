import { z } from 'zod';
import { type CoreObject, coreKind } from '../kind.ts';
import type { Report } from '../report.ts';
import { anyObject, type Infer, lenient, list, oneOf, text, texts } from '../schema.ts';

const backend = lenient(
  {},
  {
    service: lenient({ name: text }, { port: lenient({}, { number: z.int(), name: text }) }),
    /** Something that is no Service: weft has nobody to send requests to there. */
    resource: anyObject,
  },
);
export type IngressBackend = Infer<typeof backend>;

const path = lenient(
  { backend },
  { path: text, pathType: oneOf('Exact', 'Prefix', 'ImplementationSpecific') },
);
export type IngressPath = Infer<typeof path>;

const body = lenient(
  {},
  {
    spec: lenient(
      {},
      {
        ingressClassName: text,
        defaultBackend: backend,
        tls: list(lenient({}, { hosts: texts, secretName: text })),
        rules: list(lenient({}, { host: text, http: lenient({}, { paths: list(path) }) })),
      },
    ),
  },
);

/** networking.k8s.io Ingress: HTTP from outside to Services, by host and path. */
export type Ingress = CoreObject<Infer<typeof body>>;

export const ingress = coreKind(
  { group: 'networking.k8s.io', kind: 'Ingress', versions: ['v1'] },
  body,
  checkIngress,
);

function checkIngress({ spec = {} }: Infer<typeof body>, report: Report): void {
  for (const [i, { http }] of (spec.rules ?? []).entries())
    for (const [j, { path = '', pathType }] of (http?.paths ?? []).entries()) {
      const at = report.at('spec', 'rules', i, 'http', 'paths', j);
      if (pathType !== 'ImplementationSpecific' && !path.startsWith('/'))
        at.error('path', `"${path}" is not an absolute path; it begins with "/"`);
    }
}

const classBody = lenient({}, { spec: lenient({}, { controller: text, parameters: anyObject }) });

/** networking.k8s.io IngressClass: who an Ingress is for. */
export type IngressClass = CoreObject<Infer<typeof classBody>>;

export const ingressClass = coreKind(
  { group: 'networking.k8s.io', kind: 'IngressClass', versions: ['v1'], clusterWide: true },
  classBody,
);
