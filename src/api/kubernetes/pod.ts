import { type CoreObject, coreKind } from '../kind.ts';
import { type Infer, lenient, list, text } from '../schema.ts';
import { podSpec } from './pod-spec.ts';

const body = lenient(
  {},
  {
    spec: podSpec,
    status: lenient(
      {},
      {
        /** Pending, Running, Succeeded, Failed or Unknown. */
        phase: text,
        podIP: text,
        podIPs: list(lenient({}, { ip: text })),
        hostIP: text,
        conditions: list(lenient({ type: text, status: text }, { reason: text, message: text })),
        startTime: text,
      },
    ),
  },
);

/** v1 Pod: a workload. It gets traffic when it has an address and its condition Ready is True. */
export type Pod = CoreObject<Infer<typeof body>>;

export const pod = coreKind({ group: '', kind: 'Pod', versions: ['v1'] }, body);
