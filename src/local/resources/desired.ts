import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { type InterceptionOptions, interceptionOptions } from '../network/interception-options.ts';
import type {
  NamespaceObject,
  Origin,
  PlatformObject,
  PodTemplate,
  Problem,
  ServiceObject,
  WorkloadObject,
} from './objects.ts';
import { type OutsidePlaces, outsidePlaces } from './outside-places.ts';
import { type ProxySettings, proxySettingsOf } from './proxy-settings.ts';
import { splitWords } from './words.ts';

// From the objects of the folder to what is to run. Pure.

/** The annotation whose command stands for the container's image. */
export const COMMAND_ANNOTATION = 'weft.dev/command';
/** The annotation that picks the program of a pod's proxy. */
export const DATA_PLANE_ANNOTATION = 'weft.dev/data-plane';

export type DataPlane = 'weft' | 'envoy';

/** One Deployment (or lone Pod) with all that its pods have in common. */
export interface DesiredWorkload {
  readonly namespace: string;
  readonly name: string;
  readonly kind: 'Deployment' | 'Pod';
  readonly origin: Origin;
  readonly replicas: number;
  readonly template: PodTemplate;
  /** The application; undefined where only the proxy runs (a gateway). */
  readonly command: readonly string[] | undefined;
  /** Working directory of the application: the folder of the file that the workload is written in. */
  readonly folder: string;
  /** `none`: outside the mesh. `gateway`: a proxy without interception and application. */
  readonly proxy: 'sidecar' | 'gateway' | 'none';
  readonly dataPlane: DataPlane;
  readonly interception: InterceptionOptions;
  /** What its proxies are started with. */
  readonly proxySettings: ProxySettings;
  /** What the pods stand for outside of the cluster. */
  readonly outside: OutsidePlaces;
  /** Changes when pods must be replaced. */
  readonly hash: string;
}

export interface Desired {
  readonly workloads: readonly DesiredWorkload[];
  readonly services: readonly ServiceObject[];
  readonly problems: readonly Problem[];
}

/** Works out what is to run. `dataPlane` is for pods that do not choose. */
export function desiredOf(objects: readonly PlatformObject[], dataPlane: DataPlane): Desired {
  const problems: Problem[] = [];
  const namespaces = new Map<string, NamespaceObject>();
  for (const object of objects) if (object.kind === 'Namespace') namespaces.set(object.metadata.name, object);
  const workloads: DesiredWorkload[] = [];
  for (const object of objects) {
    if (object.kind !== 'Deployment' && object.kind !== 'Pod') continue;
    const note = (message: string): void => {
      const { namespace, name } = object.metadata;
      problems.push({ ...object.origin, message: `${object.kind} ${namespace}/${name}: ${message}` });
    };
    const settings = proxySettingsOf(objects, object.metadata.namespace, object.template);
    const namespace = namespaces.get(object.metadata.namespace);
    const workload = workloadOf(object, namespace, dataPlane, settings, note);
    if (workload !== undefined) workloads.push(workload);
  }
  const services = objects.filter((object) => object.kind === 'Service');
  return { workloads, services, problems };
}

function workloadOf(
  object: WorkloadObject,
  namespace: NamespaceObject | undefined,
  standard: DataPlane,
  proxySettings: ProxySettings,
  note: (message: string) => void,
): DesiredWorkload | undefined {
  const { template, metadata, origin } = object;
  const { options: interception, problems } = interceptionOptions(template.annotations);
  problems.forEach(note);
  const command = commandOf(template, note);
  const gateway = command === undefined && isGateway(template);
  if (command === undefined && !gateway) return undefined;
  const proxy = gateway ? 'gateway' : isInjected(template, namespace) ? 'sidecar' : 'none';
  const dataPlane = dataPlaneOf(template, standard, note);
  const folder = dirname(resolve(origin.file));
  const outside = outsidePlaces(template.annotations);
  outside.problems.forEach(note);
  const common = { template, command, folder, proxy, dataPlane, interception, proxySettings } as const;
  return {
    ...common,
    outside,
    namespace: metadata.namespace,
    name: metadata.name,
    kind: object.kind,
    origin,
    replicas: object.replicas ?? 1,
    hash: hashOf(common),
  };
}

function commandOf(template: PodTemplate, note: (message: string) => void): readonly string[] | undefined {
  const text = template.annotations[COMMAND_ANNOTATION];
  if (text === undefined) {
    if (!isGateway(template))
      note(
        `images cannot be run here; name the program to run in the pod's annotation ${COMMAND_ANNOTATION}`,
      );
    return undefined;
  }
  const words = splitWords(text);
  if (!('problem' in words) && words.length > 0) return words;
  note(`annotation ${COMMAND_ANNOTATION}: ${'problem' in words ? words.problem : 'is empty'}`);
  return undefined;
}

/** Istio's ways of writing a gateway's Deployment: the injection template, or the label of the standard gateways. */
function isGateway(template: PodTemplate): boolean {
  const templates = (template.annotations['inject.istio.io/templates'] ?? '').split(',');
  return (
    templates.some((name) => name.trim() === 'gateway') ||
    /^(in|e)gressgateway$/.test(template.labels['istio'] ?? '')
  );
}

/** As Istio decides it, after weft's own annotation: the pod's label (formerly annotation), then the namespace's; here everything else is injected. */
function isInjected(template: PodTemplate, namespace: NamespaceObject | undefined): boolean {
  if (template.annotations[DATA_PLANE_ANNOTATION] === 'none') return false;
  const own = template.labels['sidecar.istio.io/inject'] ?? template.annotations['sidecar.istio.io/inject'];
  if (own !== undefined) return own !== 'false';
  return namespace?.metadata.labels['istio-injection'] !== 'disabled';
}

function dataPlaneOf(template: PodTemplate, standard: DataPlane, note: (message: string) => void): DataPlane {
  const asked = template.annotations[DATA_PLANE_ANNOTATION];
  if (asked === 'weft' || asked === 'envoy') return asked;
  if (asked !== undefined && asked !== 'none')
    note(`annotation ${DATA_PLANE_ANNOTATION}: must be weft, envoy or none, not "${asked}"`);
  return standard;
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 10);
}
