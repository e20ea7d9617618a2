import { plainHeaderProblem } from '../check/header.ts';
import { checkLabels } from '../check/labels.ts';
import { portProblem } from '../check/port.ts';
import { specKind } from '../kind.ts';
import type { SpecObject } from '../object.ts';
import type { Report } from '../report.ts';
import { type Infer, int32, list, message, text, textMap, texts, uint32 } from '../schema.ts';
import { checkAtMostOne, setFields } from './shared/exclusive.ts';
import { workload } from './shared/workload.ts';

const METHODS = ['httpGet', 'tcpSocket', 'exec', 'grpc'];

const probe = message(
  {},
  {
    initialDelaySeconds: int32,
    timeoutSeconds: int32,
    periodSeconds: int32,
    successThreshold: int32,
    failureThreshold: int32,
    httpGet: message(
      {},
      {
        path: text,
        port: uint32,
        host: text,
        scheme: text,
        httpHeaders: list(message({}, { name: text, value: text })),
      },
    ),
    tcpSocket: message({}, { host: text, port: uint32 }),
    exec: message({}, { command: texts }),
    grpc: message({}, { port: uint32, service: text }),
  },
);
type Probe = Infer<typeof probe>;

const spec = message(
  {},
  { metadata: message({}, { labels: textMap, annotations: textMap }), template: workload, probe },
);

/** Spec of a WorkloadGroup: the template from which WorkloadEntries of registering machines are made. */
export type WorkloadGroupSpec = Infer<typeof spec>;
export type WorkloadGroup = SpecObject<WorkloadGroupSpec>;

/** networking.istio.io WorkloadGroup. */
export const workloadGroup = specKind(
  { group: 'networking.istio.io', kind: 'WorkloadGroup', versions: ['v1', 'v1beta1', 'v1alpha3'] },
  spec,
  checkWorkloadGroup,
);

function checkWorkloadGroup(group: WorkloadGroupSpec, report: Report): void {
  // The address is filled in when a machine registers, so the template is not judged as a WorkloadEntry.
  if (group.template === undefined) report.error('template', 'template is required; it may be empty: {}');
  checkLabels(group.metadata?.labels, report.at('metadata'), 'labels');
  if (group.probe !== undefined) checkProbe(group.probe, report.at('probe'));
}

const COUNTS = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
] as const;

function checkProbe(probe: Probe, report: Report): void {
  for (const field of COUNTS)
    if ((probe[field] ?? 0) < 0) report.error(field, `${probe[field]} is negative; write 0 or more`);
  checkAtMostOne(probe, METHODS, report);
  if (setFields(probe, METHODS).length === 0) report.error([], `a probe needs one of ${METHODS.join(', ')}`);
  for (const field of ['httpGet', 'tcpSocket', 'grpc'] as const) {
    const problem = probe[field] === undefined ? undefined : portProblem(probe[field].port ?? 0);
    if (problem !== undefined) report.error([field, 'port'], problem);
  }
  if (probe.exec !== undefined && (probe.exec.command ?? []).length === 0)
    report.error(['exec', 'command'], 'command is required: the program and its arguments');
  if (probe.httpGet !== undefined) checkHttpGet(probe.httpGet, report.at('httpGet'));
}

function checkHttpGet(get: NonNullable<Probe['httpGet']>, report: Report): void {
  if (!['', 'HTTP', 'HTTPS'].includes(get.scheme ?? ''))
    report.error('scheme', `"${get.scheme}" is not possible; use HTTP or HTTPS`);
  for (const [i, header] of (get.httpHeaders ?? []).entries()) {
    const problem = plainHeaderProblem(header.name ?? '', false);
    if (problem !== undefined) report.error(['httpHeaders', i, 'name'], problem);
  }
}
