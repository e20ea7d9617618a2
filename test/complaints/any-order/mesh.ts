/**
 * The mesh of the any-order test: three versions of `web` (one behind Envoy), two gateways (weft's proxy and Envoy) that
 * the same Gateways configure, and clients that never stop calling: one behind weft's proxy, two behind Envoys, of which
 * one is on demand (as weft's is), and one in no mesh, which calls both gateways.
 */
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../mesh/run-mesh.ts';

/** Pods that call, and by which proxy their requests go. */
export const loaders = [
  { pod: 'caller-weft-0', through: 'weft' },
  { pod: 'caller-envoy-0', through: 'Envoy' },
  { pod: 'caller-frugal-0', through: 'Envoy (on demand)' },
  { pod: 'visitor-weft-0', through: 'weft (gateway)' },
  { pod: 'visitor-envoy-0', through: 'Envoy (gateway)' },
] as const;

/** Writes what never changes. */
export function writeMesh(folder: string): void {
  for (const app of ['probe', 'loader'])
    cpSync(join(root, `test/mesh/apps/${app}.ts`), join(folder, `${app}.ts`));
  const pods = [
    deployment('web-v1', { app: 'web', version: 'v1' }, 'node probe.ts', 'weft'),
    deployment('web-v2', { app: 'web', version: 'v2' }, 'node probe.ts', 'envoy'),
    deployment('web-v3', { app: 'web', version: 'v3' }, 'node probe.ts', 'weft'),
    deployment('caller-weft', { app: 'caller' }, 'node loader.ts', 'weft', { LOAD: 'http://web:9080/' }),
    deployment('caller-envoy', { app: 'caller' }, 'node loader.ts', 'envoy', { LOAD: 'http://web:9080/' }),
    deployment('caller-frugal', { app: 'caller' }, 'node loader.ts', 'envoy, weft.dev/on-demand: "true"', {
      LOAD: 'http://web:9080/',
    }),
    visitor('weft'),
    visitor('envoy'),
    gateway('weft'),
    gateway('envoy'),
  ];
  writeFileSync(join(folder, 'pods.yaml'), pods.join('---\n'));
}

function visitor(dataPlane: string): string {
  const env = { LOAD: `http://door-${dataPlane}/`, HOST_HEADER: 'web.example.com' };
  const labels = { app: 'visitor', 'sidecar.istio.io/inject': 'false' };
  return deployment(`visitor-${dataPlane}`, labels, 'node loader.ts', 'none', env);
}

function deployment(
  name: string,
  labels: Readonly<Record<string, string>>,
  command: string,
  dataPlane: string,
  env: Readonly<Record<string, string>> = {},
): string {
  const values = Object.entries(env).map(([key, value]) => `        - {name: ${key}, value: "${value}"}\n`);
  return `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  selector: {matchLabels: {name: ${name}}}
  template:
    metadata:
      labels: ${JSON.stringify({ name, ...labels })}
      annotations: {weft.dev/command: ${command}, weft.dev/data-plane: ${dataPlane}}
    spec:
      containers:
      - name: app
        image: app
        ports: [{name: http, containerPort: 9080}]
        env:
        - name: POD_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
${values.join('')}        readinessProbe: {httpGet: {path: /, port: 9080}, periodSeconds: 1}
`;
}

function gateway(dataPlane: string): string {
  const name = `door-${dataPlane}`;
  return `apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec:
  selector: {app: ${name}}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata:
      labels: {app: ${name}, istio: ingressgateway}
      annotations: {inject.istio.io/templates: gateway, weft.dev/data-plane: ${dataPlane}}
    spec:
      containers:
      - name: istio-proxy
        image: auto
        ports: [{containerPort: 8080}]
`;
}
