import { type CoreObject, coreKind } from '../kind.ts';
import { type Infer, lenient, list, text } from '../schema.ts';

const body = lenient(
  {},
  {
    spec: lenient({}, { providerID: text }),
    status: lenient({}, { addresses: list(lenient({ type: text, address: text }, {})) }),
  },
);

/** v1 Node: its labels `topology.kubernetes.io/region` and `/zone` are the locality of its Pods. */
export type Node = CoreObject<Infer<typeof body>>;
export const node = coreKind({ group: '', kind: 'Node', versions: ['v1'], clusterWide: true }, body);
