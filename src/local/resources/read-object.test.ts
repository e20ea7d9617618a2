import { describe, expect, it } from 'vitest';
import { parseFile } from './parse-file.ts';

const deployment = (container: string): string => `apiVersion: apps/v1
kind: Deployment
metadata: { name: reviews-v1, namespace: shop }
spec:
  replicas: 2
  template:
    metadata:
      labels: { app: reviews, version: v1 }
      annotations: { weft.dev/command: node app.ts }
    spec:
      serviceAccountName: reviews
      containers:
${container}`;

describe('readObject', () => {
  it('reads a Deployment with environment, ports and probes', () => {
    const { objects, problems } = parseFile(
      'a.yaml',
      deployment(`      - name: app
        ports: [{ name: http, containerPort: 9080 }]
        env:
        - { name: LOG, value: "1" }
        - { name: MY_IP, valueFrom: { fieldRef: { fieldPath: status.podIP } } }
        readinessProbe: { httpGet: { path: health, port: http }, periodSeconds: 2 }
        livenessProbe: { exec: { command: [test, -e, /x] }, failureThreshold: 1 }
`),
    );
    expect(problems).toEqual([]);
    expect(objects).toMatchObject([
      {
        kind: 'Deployment',
        replicas: 2,
        metadata: { namespace: 'shop', name: 'reviews-v1' },
        template: {
          serviceAccount: 'reviews',
          terminationGraceS: 30,
          container: {
            ports: [{ name: 'http', number: 9080 }],
            env: [
              { name: 'LOG', value: '1' },
              { name: 'MY_IP', field: 'status.podIP' },
            ],
            readiness: {
              check: { kind: 'http', path: '/health', port: 9080 },
              periodMs: 2000,
              timeoutMs: 1000,
            },
            liveness: { check: { kind: 'exec', command: ['test', '-e', '/x'] }, failureThreshold: 1 },
          },
        },
      },
    ]);
  });

  it('says what it cannot run', () => {
    const { objects, problems } = parseFile(
      'a.yaml',
      deployment(`      - name: app
        env: [{ name: X, value: 1 }, { name: Y, valueFrom: { secretKeyRef: { name: s, key: k } } }]
        readinessProbe: { httpGet: { port: nowhere } }
      - name: second
`),
    );
    expect(objects).toEqual([]);
    expect(problems.map((problem) => problem.message)).toEqual([
      expect.stringContaining('this pod has 2 containers'),
      expect.stringContaining('spec.template.spec.containers[0].env[0].value: must be a string'),
      expect.stringContaining('env[1].valueFrom: only fieldRef'),
      expect.stringContaining('no port named "nowhere"'),
    ]);
    expect(problems.every((problem) => problem.line > 12)).toBe(true);
  });

  it('a container named istio-proxy is no application', () => {
    const { objects } = parseFile('a.yaml', deployment('      - { name: istio-proxy, image: auto }\n'));
    expect(objects).toMatchObject([{ template: { container: undefined } }]);
  });

  it('refuses names that would reach out of a folder', () => {
    const { problems } = parseFile('a.yaml', 'apiVersion: v1\nkind: Service\nmetadata: { name: ../x }\n');
    expect(problems).toMatchObject([{ line: 3, message: expect.stringContaining('metadata.name') }]);
  });
});
