import type { Fields } from './fields.ts';
import type { Check, Container, EnvVar, NamedPort, PodTemplate, Probe } from './objects.ts';

// The pod in a Pod or a Deployment. One container is the application; a container named istio-proxy is a place
// holder for the sidecar, as Istio's own gateways have it.

const PROXY_CONTAINER = 'istio-proxy';

/** Reads `metadata` and `spec` of a pod (or pod template). */
export function readTemplate(metadata: Fields, spec: Fields): PodTemplate {
  const containers = spec.list('containers').map((fields) => ({ fields, name: fields.string('name') }));
  const apps = containers.filter(({ name }) => name !== PROXY_CONTAINER);
  const app = apps[0];
  if (containers.length === 0) spec.problem('containers', 'must name at least one container');
  if (apps.length > 1)
    spec.problem(
      'containers',
      `one process per pod can be run here, and this pod has ${apps.length} containers`,
    );
  return {
    labels: metadata.strings('labels'),
    annotations: metadata.strings('annotations'),
    serviceAccount: spec.string('serviceAccountName', 'default') || 'default',
    terminationGraceS: spec.whole('terminationGracePeriodSeconds', 30, 0, 3600),
    container: app === undefined ? undefined : readContainer(app.name, app.fields),
  };
}

function readContainer(name: string, fields: Fields): Container {
  const ports = fields.list('ports').map(readPort);
  return {
    name,
    image: fields.string('image'),
    env: readEnv(fields),
    ports,
    startup: readProbe(fields, 'startupProbe', ports),
    liveness: readProbe(fields, 'livenessProbe', ports),
    readiness: readProbe(fields, 'readinessProbe', ports),
  };
}

function readPort(fields: Fields): NamedPort {
  const protocol = fields.string('protocol', 'TCP') === 'UDP' ? 'UDP' : 'TCP';
  return { name: fields.string('name'), number: fields.whole('containerPort', 0, 1, 65_535), protocol };
}

function readEnv(fields: Fields): EnvVar[] {
  const env: EnvVar[] = [];
  if (fields.has('envFrom')) fields.problem('envFrom', 'ConfigMaps and Secrets are not read here; use env');
  for (const entry of fields.list('env')) {
    const name = entry.string('name');
    const from = entry.fields('valueFrom');
    if (name === '') entry.problem('name', 'must be given');
    else if (!entry.has('valueFrom')) env.push({ name, value: entry.string('value') });
    else if (from.has('fieldRef')) env.push({ name, field: from.fields('fieldRef').string('fieldPath') });
    else entry.problem('valueFrom', 'only fieldRef can be read here');
  }
  return env;
}

function readProbe(container: Fields, name: string, ports: readonly NamedPort[]): Probe | undefined {
  if (!container.has(name)) return undefined;
  const fields = container.fields(name);
  const check = readCheck(fields, ports);
  if (check === undefined) return undefined;
  return {
    check,
    initialDelayMs: 1000 * fields.whole('initialDelaySeconds', 0, 0, 86_400),
    periodMs: 1000 * fields.whole('periodSeconds', 10, 1, 86_400),
    timeoutMs: 1000 * fields.whole('timeoutSeconds', 1, 1, 3600),
    successThreshold: fields.whole('successThreshold', 1, 1, 100),
    failureThreshold: fields.whole('failureThreshold', 3, 1, 100_000),
  };
}

function readCheck(fields: Fields, ports: readonly NamedPort[]): Check | undefined {
  if (fields.has('httpGet')) return readHttpCheck(fields.fields('httpGet'), ports);
  if (fields.has('tcpSocket')) return { kind: 'tcp', port: readCheckPort(fields.fields('tcpSocket'), ports) };
  if (fields.has('exec')) return { kind: 'exec', command: fields.fields('exec').stringList('command') };
  fields.problem('', 'must have httpGet, tcpSocket or exec');
  return undefined;
}

function readHttpCheck(fields: Fields, ports: readonly NamedPort[]): Check {
  const path = fields.string('path', '/');
  return {
    kind: 'http',
    secure: fields.string('scheme', 'HTTP') === 'HTTPS',
    port: readCheckPort(fields, ports),
    path: path.startsWith('/') ? path : `/${path}`,
    headers: fields
      .list('httpHeaders')
      .map((header) => [header.string('name'), header.string('value')] as const),
  };
}

function readCheckPort(fields: Fields, ports: readonly NamedPort[]): number {
  const port = fields.port('port', 0);
  if (typeof port === 'number') return port;
  const named = ports.find(({ name }) => name === port);
  if (named === undefined) fields.problem('port', `the container has no port named "${port}"`);
  return named?.number ?? 0;
}
