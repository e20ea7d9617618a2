import type { EngineResults } from './differences.ts';
import { type Failure, UNOBSERVED } from './finding.ts';
import type { TestResult } from './run-tests.ts';

// Results for people, for programs, and for pipelines.

/** As JSON: one entry for each request. */
export function jsonReport(engine: string, results: readonly TestResult[]): string {
  return `${JSON.stringify({ engine, tests: results })}\n`;
}

/** A line for each request that is not as expected, with what is not. */
export function failuresText(results: readonly TestResult[]): string {
  const lines: string[] = [];
  for (const { file, line, test, request, pass, failures } of results) {
    if (pass && failures.length === 0) continue;
    const name = [test, request].filter((word) => word !== '').join(': ');
    lines.push(`${file}:${line} ${pass ? 'ok' : 'FAIL'} ${name}`);
    lines.push(...failures.map((failure) => `    ${failureText(failure, request)}`));
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** What is wrong with a test itself (there is no request) is said without what should be there instead. */
function failureText({ what, expected, actual }: Failure, request: string): string {
  if (request === '') return `${what}: ${actual}`;
  if (actual === UNOBSERVED) return `${what} is not observed by this engine (expected ${expected})`;
  return `${what}: expected ${expected}, got ${actual}`;
}

/** How many there were. */
export function summaryText(results: readonly TestResult[]): string {
  const failed = results.filter(({ pass }) => !pass).length;
  const hidden = results.filter(({ unobserved }) => unobserved.length > 0).length;
  const tests = new Set(results.map(({ file, test }) => `${file} ${test}`)).size;
  const requests = `${results.length} ${results.length === 1 ? 'request' : 'requests'}`;
  const of = `${requests} of ${tests} ${tests === 1 ? 'test' : 'tests'}`;
  const also = hidden === 0 ? '' : `, ${hidden} with something unobserved`;
  return failed === 0 ? `${of}, all as expected${also}\n` : `${of}, ${failed} not as expected${also}\n`;
}

/** As JUnit's XML, which CI systems read. */
export function junitReport(all: readonly EngineResults[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${all.map(junitSuite).join('')}</testsuites>\n`;
}

function junitSuite({ engine, results }: EngineResults): string {
  const failed = results.filter(({ pass }) => !pass).length;
  const cases = results.map(junitCase).join('');
  return `<testsuite name="weft test (${engine})" tests="${results.length}" failures="${failed}">\n${cases}</testsuite>\n`;
}

function junitCase({ file, line, test, request, pass, failures }: TestResult): string {
  const head = `<testcase classname="${escaped(test)}" name="${escaped(request)}" file="${escaped(file)}" line="${line}"`;
  if (failures.length === 0) return `${head}/>\n`;
  const text = failures.map((failure) => failureText(failure, request)).join('\n');
  const [first] = text.split('\n');
  const body = pass
    ? `<system-out>${escaped(text)}</system-out>`
    : `<failure message="${escaped(first ?? '')}">${escaped(text)}</failure>`;
  return `${head}>${body}</testcase>\n`;
}

/** Text for XML; characters that XML has no way to say are left out. */
function escaped(text: string): string {
  return text
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\n', '&#10;');
}
