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

  it('starts proxies as the mesh, ProxyConfigs and the pod itself say, in this order', () => {
    const config = (name: string, namespace: string, spec: string) => `---
apiVersion: networking.istio.io/v1beta1
kind: ProxyConfig
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}
`;
    const mesh = `---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: 'defaultConfig: { concurrency: 1, proxyMetadata: { A: mesh, B: mesh }, connectionSettings: { globalDownstreamConnectionLimit: 9 } }'
`;
    const annotated = (text: string) =>
      pod(`{ labels: { app: a }, annotations: { ${command}, proxy.istio.io/config: "${text}" } }`);
    const own = annotated('{ concurrency: 4, proxyMetadata: { B: own } }');
    const settings = (text: string) => desired(text).workloads[0]?.proxySettings;
    expect(settings(pod(`{ annotations: { ${command} } }`))).toEqual({});
    expect(settings(`${mesh + config('root', 'istio-system', '{ concurrency: 2 }')}---\n${own}`)).toEqual({
      concurrency: 4,
      environment: { A: 'mesh', B: 'own' },
      maxConnections: 9,
    });
    const selecting = config('one', 'shop', '{ selector: { matchLabels: { app: a } }, concurrency: 5 }');
    const elsewhere = config('other', 'bank', '{ concurrency: 7 }');
    const ofNamespace = config('all', 'shop', '{ concurrency: 3 }');
    expect(settings(own + elsewhere + ofNamespace)).toMatchObject({ concurrency: 4 });
    expect(settings(own + ofNamespace + selecting)).toMatchObject({ concurrency: 5 });
  });
});
