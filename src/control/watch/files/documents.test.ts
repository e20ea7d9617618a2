import { describe, expect, it } from 'vitest';
import { parseDocuments } from './documents.ts';

const text = `# services of the shop
apiVersion: v1
kind: Service
metadata:
  name: a
spec:
  ports:
  - port: 80
    name: http
  # a comment
  - name: https
    port: 443
---
apiVersion: v1
kind: List
items:
- kind: Namespace
  metadata: {name: n1}
- kind: Namespace
  metadata:
    name: n2
`;

describe('documents of a file', () => {
  it('knows the line of each document and of each field', () => {
    const { documents, problems } = parseDocuments(text, 'shop.yaml');
    expect(problems).toEqual([]);
    expect(documents.map(({ provenance }) => provenance.line)).toEqual([2, 17, 19]);
    const [service, , second] = documents.map(({ provenance }) => provenance);
    expect(service?.lineOf('kind')).toBe(3);
    expect(service?.lineOf('spec.ports[1].port')).toBe(12);
    expect(service?.lineOf('spec.ports[1]')).toBe(11);
    expect(service?.lineOf('spec.ports[1].nothing')).toBe(11);
    expect(service?.lineOf('')).toBe(2);
    expect(second?.lineOf('metadata.name')).toBe(21);
    expect(second?.file).toBe('shop.yaml');
  });

  it('finds fields with keys that are no plain names, and through anchors', () => {
    const { documents } = parseDocuments('a: &x\n  b/c: 1\nd: *x\nlist:\n- - 1\n', 'f');
    expect(documents[0]?.provenance.lineOf('a["b/c"]')).toBe(2);
    expect(documents[0]?.provenance.lineOf('d["b/c"]')).toBe(2);
    expect(documents[0]?.provenance.lineOf('list[0][0]')).toBe(5);
  });

  it('says in which line a document is no YAML, and still reads the others', () => {
    const { documents, problems } = parseDocuments('a: 1\n---\nb: [1,\n  2\nc: 3\n---\nd: 4\n', 'f');
    expect(documents.map(({ value }) => value)).toEqual([{ a: 1 }, { d: 4 }]);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.line).toBe(5);
    expect(problems[0]?.message).toMatch(/^this is not YAML: [^\n]+$/);
  });

  it('refuses a key that is written twice', () => {
    expect(parseDocuments('a: 1\nb: 2\na: 3\n', 'f').problems).toEqual([
      { line: 3, message: 'this is not YAML: Map keys must be unique' },
    ]);
  });

  it('passes over empty documents and comments, takes a mark at the beginning and merge keys', () => {
    const { documents } = parseDocuments(
      '\uFEFF---\n---\n# nothing\n---\nx: &x {a: 1}\ny: {<<: *x, b: 2}\n...\n',
      'f',
    );
    expect(documents.map(({ value }) => value)).toEqual([{ x: { a: 1 }, y: { a: 1, b: 2 } }]);
  });

  it('reads JSON, with lines', () => {
    const { documents } = parseDocuments(
      '\n{\n  "kind": "A",\n  "spec": {\n    "b": [\n      1,\n      {"c": 2}\n    ]\n  }\n}\n',
      'f',
    );
    expect(documents).toHaveLength(1);
    expect(documents[0]?.provenance.line).toBe(2);
    expect(documents[0]?.provenance.lineOf('spec.b[1].c')).toBe(7);
  });

  it('reads JSON lines, and says which line is none', () => {
    const { documents, problems } = parseDocuments('{"a":1}\n\n{"a":2\n{"a":{"b":3}}\n', '-');
    expect(documents.map(({ value, provenance }) => [value, provenance.line])).toEqual([
      [{ a: 1 }, 1],
      [{ a: { b: 3 } }, 4],
    ]);
    expect(documents[1]?.provenance.lineOf('a.b')).toBe(4);
    expect(problems.map(({ line }) => line)).toEqual([3]);
  });

  it('does not blow up on aliases that multiply', () => {
    const layers = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(10)}]`);
    const { documents, problems } = parseDocuments(`l0: &l0 [x]\n${layers.join('\n')}\n`, 'f');
    expect(documents).toEqual([]);
    expect(problems).toHaveLength(1);
  });

  it('reads what a template engine left as a problem, not as an object', () => {
    expect(
      parseDocuments('a: {{ .Values.x }}\n', 'f').problems.length +
        parseDocuments('a: {{ .Values.x }}\n', 'f').documents.length,
    ).toBe(1);
  });
});
