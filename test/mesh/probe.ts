import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mesh } from './run-mesh.ts';
import { root } from './run-mesh.ts';

/** A workload to add to a mesh: what it is called, and whether it has a sidecar. */
export interface ProbeOptions {
  readonly name: string;
  readonly sidecar: boolean;
  /** Its program, a file of apps/. */
  readonly app?: 'probe' | 'stranger';
  readonly replicas?: number;
  /** More of its Pods' annotations, as YAML: `a: b, c: d`. */
  readonly annotations?: string;
}

/** Adds a probe that the gateway offers at `/NAME/...`; call it while the mesh is prepared. */
export function addProbe(
  folder: string,
  { name, sidecar, app = 'probe', replicas = 1, annotations = '' }: ProbeOptions,
): void {
  cpSync(join(root, `test/mesh/apps/${app}.ts`), join(folder, `${app}.ts`));
  writeFileSync(
    join(folder, `${name}.yaml`),
    `apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec:
  selector: {app: ${name}}
  ports:
  - {name: http, port: 9080}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata:
      labels: {app: ${name}, sidecar.istio.io/inject: "${sidecar}"}
      annotations: {weft.dev/command: node ${app}.ts${annotations && `, ${annotations}`}}
    spec:
      containers:
      - name: probe
        image: probe
        ports: [{containerPort: 9080}]
        env:
        - name: POD_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        readinessProbe: {httpGet: {path: /, port: 9080}, periodSeconds: 1}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}}
spec:
  hosts: ["*"]
  gateways: [bookinfo]
  http:
  - match: [{uri: {prefix: /${name}/}}]
    rewrite: {uri: /}
    route:
    - destination: {host: ${name}, port: {number: 9080}}
`,
  );
}

/** What a probe says of a URL. */
export interface Fetched {
  readonly status: number;
  readonly body?: string;
  readonly error?: string;
}

/** Lets the probe fetch a URL from where it is; `post`: a body, in two pieces; `host`: another Host header. */
export async function fetchFrom(
  mesh: Mesh,
  probe: string,
  url: string,
  more: { readonly post?: string; readonly host?: string } = {},
): Promise<Fetched> {
  const query = new URLSearchParams({ url, ...more });
  const response = await fetch(`${mesh.gateway}/${probe}/fetch?${query}`, {
    signal: AbortSignal.timeout(20_000),
  });
  if (response.status !== 200)
    throw new Error(`the probe ${probe} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Fetched;
}
