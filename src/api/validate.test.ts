import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kindIds, kindOf } from './kinds.ts';
import { validateObject } from './validate.ts';

const virtualService = (spec: object, metadata: object = {}) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'reviews', ...metadata },
  spec,
});
const route = [{ destination: { host: 'reviews' } }];

describe('validateObject', () => {
  it('gives a typed object with its key; namespace default where none is written', () => {
    const { key, object, valid } = validateObject(virtualService({ hosts: ['reviews'], http: [{ route }] }));
    expect(valid).toBe(true);
    expect(key).toEqual({
      group: 'networking.istio.io',
      kind: 'VirtualService',
      namespace: 'default',
      name: 'reviews',
    });
    expect(object).toEqual({
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'reviews', namespace: 'default' },
      spec: { hosts: ['reviews'], http: [{ route }] },
    });
  });

  it('suggests the field that was probably meant, and lists the fields where none is near', () => {
    const { errors } = validateObject(
      virtualService({ hosts: ['a'], htpp: [], http: [{ route, zzzz: 1, timout: '1s' }] }),
    );
    expect(errors.map(({ field, message }) => `${field}: ${message}`)).toEqual([
      'spec.http[0].zzzz: there is no field "zzzz" here; there are name, match, route, redirect, directResponse, delegate, rewrite, timeout, retries, fault, mirror, mirrors, mirrorPercent, mirrorPercentage, corsPolicy, headers',
      'spec.http[0].timout: there is no field "timout" here; did you mean timeout?',
      'spec.htpp: there is no field "htpp" here; did you mean http?',
    ]);
  });

  it('goes on judging where the only mistakes are unknown fields', () => {
    const { errors } = validateObject(virtualService({ hosts: ['a b'], http: [{ route, x: 1 }] }));
    expect(errors.map(({ field }) => field)).toEqual(['spec.http[0].x', 'spec.hosts[0]']);
  });

  it('says how to mend a wrong type', () => {
    const spec = {
      hosts: 'a',
      http: [{ route: [{ destination: { host: 1, port: { number: '80' } }, weight: 0.5 }] }],
    };
    expect(
      validateObject(virtualService(spec)).errors.map(({ field, message }) => `${field}: ${message}`),
    ).toEqual([
      'spec.hosts: "a" stands where a list (entries that begin with "-") is needed',
      'spec.http[0].route[0].destination.host: 1 stands where a text is needed; put it in quotes: "1"',
      'spec.http[0].route[0].destination.port.number: "80" stands where a number is needed; write it without quotes',
      'spec.http[0].route[0].weight: 0.5 stands where a whole number is needed',
    ]);
  });

  it('takes null fields for fields that are not written, but not null entries of lists and maps', () => {
    const sound = virtualService(
      { hosts: ['a'], tls: null, http: [{ route, match: null, fault: null }] },
      { labels: null },
    );
    expect(validateObject(sound)).toMatchObject({ valid: true, object: { spec: { http: [{ route }] } } });
    const broken = virtualService({
      hosts: ['a'],
      http: [{ route: [null], match: [{ headers: { x: null } }] }],
    });
    expect(validateObject(broken).errors.map(({ field }) => field)).toEqual([
      'spec.http[0].match[0].headers.x',
      'spec.http[0].route[0]',
    ]);
  });

  it('takes the other spellings of fields that the API has', () => {
    const { object } = validateObject(
      virtualService({ hosts: ['a'], http: [{ route, mirror: { host: 'b' }, mirror_percent: 5 }] }),
    );
    expect(object).toMatchObject({ spec: { http: [{ mirrorPercent: 5 }] } });
    const both = virtualService({ hosts: ['a'], http: [{ route, mirrorPercent: 5, mirror_percent: 5 }] });
    expect(validateObject(both).errors.map(({ field }) => field)).toContain('spec.http[0].mirror_percent');
  });

  it('takes every served version, and no other', () => {
    const of = (apiVersion: string) =>
      validateObject({ ...virtualService({ hosts: ['a'], http: [{ route }] }), apiVersion });
    for (const version of ['v1', 'v1beta1', 'v1alpha3'])
      expect(of(`networking.istio.io/${version}`).valid).toBe(true);
    expect(of('networking.istio.io/v2').errors).toEqual([
      {
        field: 'apiVersion',
        message:
          'VirtualService is not served as networking.istio.io/v2; use networking.istio.io/v1, networking.istio.io/v1beta1, networking.istio.io/v1alpha3',
      },
    ]);
  });

  it('knows a misspelled kind of its own groups from a kind of others', () => {
    const kind = (apiVersion: string, name: string) =>
      validateObject({ apiVersion, kind: name, metadata: { name: 'x' } });
    expect(kind('networking.istio.io/v1', 'VirtualServce').errors[0]?.message).toBe(
      'there is no kind VirtualServce in networking.istio.io; did you mean VirtualService?',
    );
    expect(kind('networking.istio.io/v1', 'HTTPRoute').errors[0]?.message).toContain(
      'apiVersion gateway.networking.k8s.io/v1',
    );
    expect(kind('rbac.authorization.k8s.io/v1', 'ClusterRole')).toMatchObject({
      valid: true,
      warnings: [{ field: 'kind', message: 'ClusterRole is not a kind weft reads' }],
    });
    expect(
      validateObject({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'a:b' } })
        .valid,
    ).toBe(true);
  });

  it('judges names, labels and unknown metadata', () => {
    const of = (metadata: object) =>
      validateObject(virtualService({ hosts: ['a'], http: [{ route }] }, metadata)).errors.map(
        ({ field }) => field,
      );
    expect(of({ name: 'Reviews' })).toEqual(['metadata.name']);
    expect(of({ name: '' })).toEqual(['metadata.name']);
    expect(of({ namespace: 'a.b' })).toEqual(['metadata.namespace']);
    expect(of({ lables: {} })).toEqual(['metadata.lables']);
    expect(of({ labels: { 'a/b/c': 'x', 'app.kubernetes.io/name': 'y', v: 'z'.repeat(64) } })).toEqual([
      'metadata.labels["a/b/c"]',
      'metadata.labels.v',
    ]);
    expect(of({ creationTimestamp: null, managedFields: [{ a: 1 }], generation: 3 })).toEqual([]);
    expect(of({ annotations: { 'istio.io/dry-run': 'true' } })).toEqual([
      'metadata.annotations["istio.io/dry-run"]',
    ]);
  });

  it('is lenient with Kubernetes own kinds, and drops what weft does not read', () => {
    const pod = {
      spec: { containers: [{ name: 'a', securityContext: { x: 1 } }], tolerations: [] },
      status: { qosClass: 'x' },
    };
    expect(validateObject({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, ...pod })).toMatchObject({
      valid: true,
      object: { spec: { containers: [{ name: 'a' }] }, status: {} },
    });
    const { errors } = validateObject({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 's' },
      spec: { ports: [{ port: 'x' }] },
    });
    expect(errors.map(({ field }) => field)).toEqual(['spec.ports[0].port']);
  });

  it('asks for what makes an object one', () => {
    expect(validateObject('x').errors[0]?.message).toContain('apiVersion, kind and metadata');
    expect(validateObject({}).errors.map(({ field }) => field)).toEqual([
      'apiVersion',
      'kind',
      'metadata.name',
    ]);
  });

  it('never throws, whatever it is given', () => {
    const id = fc.constantFrom(...kindIds);
    const words = fc.constantFrom(
      'spec',
      'hosts',
      'http',
      'route',
      'rules',
      'servers',
      'tls',
      'ports',
      'selector',
      'match',
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        fc.jsonValue({ maxDepth: 1 }),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(words, tie('tree'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(id, tree, fc.jsonValue(), (kindId, spec, other) => {
        const { group, kind, versions } = kindOf(kindId);
        const apiVersion = group === '' ? versions[0] : `${group}/${versions[0]}`;
        const result = validateObject({ apiVersion, kind, metadata: { name: 'x' }, spec });
        expect(result.valid).toBe(result.errors.length === 0);
        validateObject(other);
        validateObject({ apiVersion, kind, metadata: other, spec: other });
      }),
      { numRuns: 500 },
    );
  });
});

it('of a Secret nothing that stands there is repeated', () => {
  const secret = (fields: object) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's' },
    ...fields,
  });
  for (const fields of [
    { stringData: 'hidden-value' },
    { data: { a: 987654321 } },
    { data: { a: ['hidden-value'] } },
    { type: { a: 'hidden-value' } },
    { data: { a: 'hidden-value: not base64' } },
  ]) {
    const { errors, warnings } = validateObject(secret(fields));
    expect(JSON.stringify([errors, warnings])).not.toMatch(/hidden-value|987654321/);
  }
  expect(validateObject(secret({ stringData: 'hidden-value' })).errors[0]).toMatchObject({
    field: 'stringData',
    message: 'a text stands where an object (fields, one per line) is needed',
  });
});
