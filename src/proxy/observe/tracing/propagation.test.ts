import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readB3, writeB3 } from './b3.ts';
import { readTraceParent, writeTraceParent } from './w3c.ts';

const hex = (length: number) =>
  fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`)).filter((id) => !/^0*$/.test(id));
const contexts = fc.record({
  traceId: fc.oneof(hex(16), hex(32)),
  spanId: hex(16),
  parentId: fc.oneof(fc.constant(''), hex(16)),
  sampled: fc.boolean(),
  traceState: fc.constant(''),
});

describe('B3', () => {
  it('what is written is read', () => {
    fc.assert(
      fc.property(contexts, (context) => {
        const headers: string[] = [];
        writeB3(headers, context);
        expect(readB3(headers, !context.sampled)).toEqual({
          context,
          sampled: context.sampled,
          malformed: false,
        });
      }),
    );
  });

  it('one header says the same, and counts more', () => {
    const [trace, span, parent] = [
      '80f198ee56343ba864fe8b2a57d3eff7',
      'e457b5a2e4d86bd1',
      '05e3ac9a4f6e3b90',
    ];
    const headers = ['x-b3-sampled', '0', 'B3', `${trace}-${span}-1-${parent}`];
    expect(readB3(headers, false).context).toEqual({
      traceId: trace,
      spanId: span,
      parentId: parent,
      sampled: true,
      traceState: '',
    });
    expect(readB3(['b3', `${trace}-${span}`], true).context?.sampled).toBe(true);
    expect(readB3(['b3', '0'], true)).toEqual({ context: undefined, sampled: false, malformed: false });
    expect(readB3(['b3', 'd'], false).sampled).toBe(true);
  });

  it('nonsense is told apart from nothing', () => {
    expect(readB3([], true).malformed).toBe(false);
    for (const b3 of ['', '2', `${'a'.repeat(16)}-`, `${'a'.repeat(15)}-${'b'.repeat(16)}-1`])
      expect(readB3(['b3', b3], true).malformed).toBe(true);
    expect(readB3(['x-b3-traceid', 'xyz', 'x-b3-spanid', '1'], true).malformed).toBe(true);
  });

  it('any bytes are read without an exception', () => {
    fc.assert(fc.property(fc.string(), (text) => void readB3(['b3', text], true)));
  });
});

describe('W3C trace context', () => {
  it('what is written is read', () => {
    fc.assert(
      fc.property(contexts, fc.constantFrom('', 'a=1,b=2'), (context, traceState) => {
        const headers: string[] = [];
        writeTraceParent(headers, { ...context, traceState });
        expect(readTraceParent(headers)).toEqual({
          ...context,
          traceId: context.traceId.padStart(32, '0'),
          parentId: '',
          traceState,
        });
      }),
    );
  });

  it('refuses what no span can follow', () => {
    const [trace, span] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];
    for (const text of [
      `ff-${trace}-${span}-01`,
      `00-${'0'.repeat(32)}-${span}-01`,
      `00-${trace}-${'0'.repeat(16)}-01`,
      `00-${trace.toUpperCase()}-${span}-01`,
      'x',
    ])
      expect(readTraceParent(['traceparent', text])).toBe('malformed');
    expect(readTraceParent([])).toBeUndefined();
  });
});
