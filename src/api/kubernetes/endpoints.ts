import { z } from 'zod';
import { type CoreObject, coreKind } from '../kind.ts';
import { bool, type Infer, lenient, list, text, texts } from '../schema.ts';

const targetRef = lenient({}, { kind: text, namespace: text, name: text, uid: text });
const port = lenient({}, { name: text, port: z.int(), protocol: text, appProtocol: text });

const sliceBody = lenient(
  {
    endpoints: list(
      lenient(
        { addresses: texts },
        {
          conditions: lenient({}, { ready: bool, serving: bool, terminating: bool }),
          hostname: text,
          nodeName: text,
          zone: text,
          targetRef,
        },
      ),
    ),
  },
  // IPv4 where it is left out, as it often is in slices written by hand.
  { addressType: text, ports: list(port) },
);

/** discovery.k8s.io/v1 EndpointSlice; belongs to the Service of its label `kubernetes.io/service-name`. */
export type EndpointSlice = CoreObject<Infer<typeof sliceBody>>;
export const endpointSlice = coreKind(
  { group: 'discovery.k8s.io', kind: 'EndpointSlice', versions: ['v1', 'v1beta1'] },
  sliceBody,
);

const addresses = list(lenient({ ip: text }, { hostname: text, nodeName: text, targetRef }));

const endpointsBody = lenient(
  {},
  { subsets: list(lenient({}, { addresses, notReadyAddresses: addresses, ports: list(port) })) },
);

/** v1 Endpoints: the older form; belongs to the Service of the same name. */
export type Endpoints = CoreObject<Infer<typeof endpointsBody>>;
export const endpoints = coreKind({ group: '', kind: 'Endpoints', versions: ['v1'] }, endpointsBody);
