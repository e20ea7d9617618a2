import { describe, expect, it } from 'vitest';
import { findCycle } from './cycles.ts';
import { importsOf } from './imports.ts';
import { type Boundaries, violations } from './rules.ts';

const boundaries: Boundaries = {
  folders: {
    'src/lib': { may: [], pure: true },
    'src/proxy': { may: ['src/lib'] },
    'src/proxy/filters': { may: ['src/lib', 'src/proxy'], siblings: false },
    'src/control': { may: ['src/lib'] },
  },
};

describe('boundaries', () => {
  it('allows what the table names and refuses the rest, by file', () => {
    expect(violations(boundaries, 'src/proxy/a.ts', ['src/lib/x.ts'], [])).toEqual([]);
    expect(violations(boundaries, 'src/proxy/a.ts', ['src/control/x.ts'], [])).toEqual([
      'src/proxy/a.ts: src/proxy may not import src/control (src/control/x.ts)',
    ]);
  });

  it('keeps node: out of pure folders, but not out of their tests', () => {
    expect(violations(boundaries, 'src/lib/a.ts', [], ['node:fs'])).toHaveLength(1);
    expect(violations(boundaries, 'src/lib/a.test.ts', [], ['node:fs'])).toHaveLength(0);
  });

  it('keeps one filter from another, and lets the table of filters import them all', () => {
    const cors = 'src/proxy/filters/http/cors/filter.ts';
    expect(violations(boundaries, 'src/proxy/filters/http/fault/filter.ts', [cors], [])).toHaveLength(1);
    expect(violations(boundaries, 'src/proxy/filters/http/cors/config.ts', [cors], [])).toHaveLength(0);
  });

  it('finds imports of all forms, over several lines', () => {
    const source =
      "import type {\n  A,\n} from './a.ts';\nexport { b } from './b.ts';\nimport './c.ts';\nawait import('./d.ts');";
    expect(importsOf(source)).toEqual(['./a.ts', './b.ts', './c.ts', './d.ts']);
  });

  it('names the files along a cycle', () => {
    const graph = new Map([
      ['a', ['b']],
      ['b', ['c']],
      ['c', ['b']],
    ]);
    expect(findCycle(graph)).toEqual(['b', 'c', 'b']);
  });
});
