import type { Report } from '../../report.ts';
import { type Infer, list, message, text, texts } from '../../schema.ts';
import { checkLimits } from './limits.ts';
import { gatewayHeaderProblem, longValueProblem } from './names.ts';

const headerValues = list(message({ name: text, value: text }, {}));

/** Changes of the headers of requests or responses. Values are plain texts. */
export const headerModifier = message({}, { set: headerValues, add: headerValues, remove: texts });
export type HeaderModifier = Infer<typeof headerModifier>;

/** Names, each once per list in any case; values that can stand in a header. */
export function checkHeaderModifier(modifier: HeaderModifier | undefined, report: Report): void {
  checkLimits(modifier ?? {}, ['set', 'add', 'remove'], report);
  for (const field of ['set', 'add', 'remove'] as const) {
    const entries = (modifier?.[field] ?? []).map((entry) =>
      typeof entry === 'string' ? { name: entry, value: '' } : entry,
    );
    const seen = new Set<string>();
    for (const [i, { name, value }] of entries.entries()) {
      const problem = seen.has(name.toLowerCase())
        ? `"${name}" is already in this list`
        : gatewayHeaderProblem(name);
      if (problem !== undefined) report.error(field === 'remove' ? [field, i] : [field, i, 'name'], problem);
      seen.add(name.toLowerCase());
      if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value))
        report.error([field, i, 'value'], 'the value holds a line break or another control character');
      const long = longValueProblem(value);
      if (long !== undefined) report.error([field, i, 'value'], long);
    }
  }
}
