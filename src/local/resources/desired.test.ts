import { describe, expect, it } from 'vitest';
import { desiredOf } from './desired.ts';
import { parseFile } from './parse-file.ts';

const pod = (metadata: string): string => `apiVersion: apps/v1
kind: Deployment
metadata: { name: a, namespace: shop }
spec:
  template:
    metadata: ${metadata}
    spec: { containers: [{ name: app }] }
`;
const desired = (text: string) => desiredOf(parseFile('/mesh/sub/a.yaml', text).objects, 'weft');
const command = '"weft.dev/command": "node \'my app.ts\'"';

describe('desiredOf', () => {
  it('makes a workload of a Deployment whose annotation names a command', () => {
    const { workloads, problems } = desired(pod(`{ annotations: { ${command} } }`));
    expect(problems).toEqual([]);
    expect(workloads).toMatchObject([
      {
        namespace: 'shop',
        name: 'a',
        replicas: 1,
        command: ['node', 'my app.ts'],
        folder: '/mesh/sub',
        proxy: 'sidecar',
        dataPlane: 'weft',
      },
    ]);
  });

  it('says what to do about a Deployment that names an image only', () => {
    const { workloads, problems } = desired(pod('{ labels: { app: a } }'));
    expect(workloads).toEqual([]);
    expect(problems).toMatchObject([
      { file: '/mesh/sub/a.yaml', line: 1, message: expect.stringContaining('weft.dev/command') },
    ]);
  });

  it('injects no proxy where pod or namespace say so', () => {
    const label = `{ labels: { sidecar.istio.io/inject: "false" }, annotations: { ${command} } }`;
    const annotation = `{ annotations: { ${command}, sidecar.istio.io/inject: "false" } }`;
    const namespace =
      'apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, labels: { istio-injection: disabled } }\n---\n';
    expect(desired(pod(label)).workloads).toMatchObject([{ proxy: 'none' }]);
    expect(desired(pod(annotation)).workloads).toMatchObject([{ proxy: 'none' }]);
    expect(
      desired(pod(`{ annotations: { ${command}, weft.dev/data-plane: none } }`)).workloads,
    ).toMatchObject([{ proxy: 'none' }]);
    expect(desired(namespace + pod(`{ annotations: { ${command} } }`)).workloads).toMatchObject([
      { proxy: 'none' },
    ]);
  });

  it('knows a gateway by its label or its injection template', () => {
    expect(desired(pod('{ labels: { istio: ingressgateway } }')).workloads).toMatchObject([
      { proxy: 'gateway', command: undefined },
    ]);
    expect(desired(pod('{ annotations: { inject.istio.io/templates: gateway } }')).workloads).toMatchObject([
      { proxy: 'gateway' },
    ]);
  });

  it('takes the data plane of the annotation and reports one that does not exist', () => {
    expect(
      desired(pod(`{ annotations: { ${command}, weft.dev/data-plane: envoy } }`)).workloads,
    ).toMatchObject([{ dataPlane: 'envoy' }]);
    const wrong = desired(pod(`{ annotations: { ${command}, weft.dev/data-plane: nginx } }`));
    expect(wrong.workloads).toMatchObject([{ dataPlane: 'weft' }]);
    expect(wrong.problems).toHaveLength(1);
  });

  it('changes the hash with the template and not with the replicas or the place in the file', () => {
    const text = pod(`{ annotations: { ${command} } }`);
    const hash = desired(text).workloads[0]?.hash;
    expect(
      desired(`# a comment\n${text.replace('spec:\n', 'spec:\n  replicas: 3\n')}`).workloads[0]?.hash,
    ).toBe(hash);
    expect(desired(text.replace('my app', 'your app')).workloads[0]?.hash).not.toBe(hash);
  });
});
