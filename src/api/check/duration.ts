import { parseGoDurationMs } from '../../lib/duration.ts';
import type { Report } from '../report.ts';

/** Milliseconds of a duration that passed {@link checkDuration} or one of its siblings; 0 for nonsense. */
export function durationMs(text: string): number {
  return parseGoDurationMs(text) ?? 0;
}

/** A duration of at least 1 ms in whole milliseconds, or nothing at all. */
export function checkDuration(text: string | undefined, report: Report, field: string): void {
  if (text === undefined) return;
  const problem = durationProblem(text) ?? rangeProblem(text);
  if (problem !== undefined) report.error(field, problem);
}

/** Like {@link checkDuration}, but `0s` is allowed and means "never". */
export function checkDurationOrZero(text: string | undefined, report: Report, field: string): void {
  if (text === undefined) return;
  const problem = durationProblem(text);
  if (problem !== undefined) report.error(field, problem);
  // Less than a millisecond is no time at all to Envoy.
  else if (Math.trunc(durationMs(text)) !== 0) checkDuration(text, report, field);
}

/** A duration of any size and sign. */
export function checkDurationSyntax(text: string | undefined, report: Report, field: string): void {
  const problem = text === undefined ? undefined : durationProblem(text);
  if (problem !== undefined) report.error(field, problem);
}

function durationProblem(text: string): string | undefined {
  if (parseGoDurationMs(text) !== undefined) return undefined;
  const hint = /^\d+(\.\d+)?$/.test(text)
    ? `a unit is missing: write "${text}s" for seconds`
    : 'write it as 1h, 1m, 1.5s or 250ms';
  return `"${text}" is not a duration; ${hint}`;
}

function rangeProblem(text: string): string | undefined {
  const ms = durationMs(text);
  if (ms < 1) return `${text} is too short; durations are at least 1ms`;
  if (!Number.isInteger(ms)) return `${text} is too fine; durations are whole milliseconds`;
  return undefined;
}
