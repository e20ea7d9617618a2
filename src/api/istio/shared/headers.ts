import { changedHeaderProblem, headerValueProblem } from '../../check/header.ts';
import type { Report } from '../../report.ts';
import { type Infer, message, textMap, texts } from '../../schema.ts';

const operations = message({}, { set: textMap, add: textMap, remove: texts });
type HeaderOperations = Infer<typeof operations>;

/** Changes of headers. Values are Envoy header formats: `%REQ(x)%`, and `%%` for a percent sign. */
export const headers = message({}, { request: operations, response: operations });
export type Headers = Infer<typeof headers>;

/** Names and values. Only requests may have their authority set. */
export function checkHeaders(change: Headers | undefined, report: Report): void {
  if (change?.request !== undefined) checkOperations(change.request, true, report.at('request'));
  if (change?.response !== undefined) checkOperations(change.response, false, report.at('response'));
}

function checkOperations(operation: HeaderOperations, mayBeAuthority: boolean, report: Report): void {
  for (const field of ['set', 'add'] as const)
    for (const [name, value] of Object.entries(operation[field] ?? {})) {
      const problem = changedHeaderProblem(name, mayBeAuthority) ?? headerValueProblem(value);
      if (problem !== undefined) report.error([field, name], problem);
    }
  for (const [i, name] of (operation.remove ?? []).entries()) {
    const problem = changedHeaderProblem(name, false);
    if (problem !== undefined) report.error(['remove', i], problem);
  }
}
