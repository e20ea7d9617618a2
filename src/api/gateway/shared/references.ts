import { portProblem } from '../../check/port.ts';
import type { Report } from '../../report.ts';
import { type Infer, int32, list, message, text } from '../../schema.ts';
import { checkLimits } from './limits.ts';
import {
  GATEWAY_API_GROUP,
  groupProblem,
  kindProblem,
  namespaceProblem,
  refNameProblem,
  sectionNameProblem,
} from './names.ts';

/** What a route is attached to: a Gateway (default), a ListenerSet, or a Service for traffic within the mesh. */
export const parentRef = message(
  { name: text },
  { group: text, kind: text, namespace: text, sectionName: text, port: int32 },
);
export type ParentRef = Infer<typeof parentRef>;
export const parentRefs = list(parentRef);

const backendFields = { group: text, kind: text, namespace: text, port: int32 };

/** Where requests go: a Service by default. `port` is required for Services. */
export const backendObjectRef = message({ name: text }, backendFields);
export type BackendObjectRef = Infer<typeof backendObjectRef>;

/** A backend with its share. Default weight: 1. */
export const weightedBackendRef = { required: { name: text }, optional: { ...backendFields, weight: int32 } };
export const backendRef = message(weightedBackendRef.required, weightedBackendRef.optional);
export type BackendRef = Infer<typeof backendRef>;

/** An object of the same namespace. */
export const localRef = message({ group: text, kind: text, name: text }, {});
export type LocalRef = Infer<typeof localRef>;

/** A Secret by default. */
export const secretRef = message({ name: text }, { group: text, kind: text, namespace: text });
export type SecretRef = Infer<typeof secretRef>;

/** Each parent once; two references to the same parent need different sections or ports. */
export function checkParentRefs(refs: readonly ParentRef[] | undefined, report: Report): void {
  checkLimits({ parentRefs: refs }, ['parentRefs'], report);
  const seen = new Map<string, number>();
  for (const [i, ref] of (refs ?? []).entries()) {
    const at = report.at('parentRefs', i);
    if (ref.name === '') at.error('name', 'the name of the parent is missing');
    checkRefNames(ref, at);
    const section = ref.sectionName === undefined ? undefined : sectionNameProblem(ref.sectionName);
    if (section !== undefined) at.error('sectionName', section);
    checkRefPort(ref.port, at);
    const text = [parentText(ref), ref.sectionName, ref.port].join(' ');
    const earlier = seen.get(text);
    if (earlier !== undefined)
      at.error([], `parentRefs[${earlier}] is the same; set sectionName or port to tell them apart`);
    seen.set(text, i);
  }
  checkSections(refs ?? [], report);
}

/** What a reference is to, the API's defaults filled in. */
function parentText({ group = GATEWAY_API_GROUP, kind = 'Gateway', namespace, name }: ParentRef): string {
  return [group, kind, namespace, name].join(' ');
}

/** Several references to one parent all say a section, or none does; the same goes for ports. */
function checkSections(refs: readonly ParentRef[], report: Report): void {
  const parents = Map.groupBy([...refs.entries()], ([, ref]) => parentText(ref));
  for (const list of parents.values())
    for (const field of ['sectionName', 'port'] as const) {
      const missing = list.find(([, ref]) => ref[field] === undefined);
      if (missing === undefined || list.every(([, ref]) => ref[field] === undefined)) continue;
      report.error(
        ['parentRefs', missing[0], field],
        `${field} is required: another reference to ${missing[1].name} has one`,
      );
    }
}

const MAX_WEIGHT = 1_000_000;

/** Name, port and weight of a backend. */
export function checkBackendRef(ref: BackendRef, report: Report): void {
  if (ref.name === '') report.error('name', 'the name of the backend is missing');
  checkRefNames(ref, report);
  const isService = (ref.group ?? '') === '' && (ref.kind ?? 'Service') === 'Service';
  if (isService && ref.port === undefined)
    report.error('port', 'port is required: which port of the Service?');
  checkRefPort(ref.port, report);
  if (ref.weight !== undefined && (ref.weight < 0 || ref.weight > MAX_WEIGHT))
    report.error('weight', `${ref.weight} is not a weight; write 0 to ${MAX_WEIGHT}`);
}

interface RefNames {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** Group, kind, namespace and length of the name of a reference, where they are written. */
export function checkRefNames(ref: RefNames, report: Report): void {
  const problems = {
    group: ref.group === undefined ? undefined : groupProblem(ref.group),
    kind: ref.kind === undefined ? undefined : kindProblem(ref.kind),
    namespace: ref.namespace === undefined ? undefined : namespaceProblem(ref.namespace),
    name: ref.name === undefined ? undefined : refNameProblem(ref.name),
  };
  for (const [field, problem] of Object.entries(problems))
    if (problem !== undefined) report.error(field, problem);
}

function checkRefPort(port: number | undefined, report: Report): void {
  const problem = port === undefined ? undefined : portProblem(port);
  if (problem !== undefined) report.error('port', problem);
}
