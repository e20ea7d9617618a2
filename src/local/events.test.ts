import { describe, expect, it } from 'vitest';
import { eventLine, parseEventLine, showEvent } from './events.ts';

const ready = { event: 'ready', text: 'All is up', data: { pods: 7 } } as const;

describe('showEvent', () => {
  it('is a line for people, a JSON line for programs, and nothing where quiet', () => {
    expect(showEvent(ready, 'text', 2345)).toBe('   2.3s  All is up\n');
    expect(JSON.parse(showEvent(ready, 'json', 2345.6))).toEqual({
      event: 'ready',
      elapsedMs: 2346,
      text: 'All is up',
      pods: 7,
    });
    expect(showEvent(ready, 'quiet', 0)).toBe('');
    expect(showEvent({ event: 'problem', text: 'broken' }, 'quiet', 0)).toContain('! broken');
  });
});

describe('parseEventLine', () => {
  it('reads what eventLine wrote, and takes any other line as it stands', () => {
    expect(parseEventLine(eventLine(ready).trimEnd())).toEqual(ready);
    expect(parseEventLine('(node:1) Warning: x')).toEqual({ event: 'step', text: '(node:1) Warning: x' });
    expect(parseEventLine('{"a":1}')).toEqual({ event: 'step', text: '{"a":1}' });
  });
});
