import type { LogLevel } from './process-log.ts';

/** Envoy's names of levels, with the nearest of ours. */
const levels: Readonly<Record<string, LogLevel>> = {
  trace: 'debug',
  debug: 'debug',
  info: 'info',
  warn: 'warning',
  warning: 'warning',
  error: 'error',
  critical: 'error',
  off: 'off',
};

/** Throws an Error for a name that is none. */
export function logLevel(text: string | undefined): LogLevel | undefined {
  if (text === undefined) return undefined;
  const level = levels[text];
  if (level !== undefined) return level;
  throw new Error(`--log-level takes ${Object.keys(levels).join(', ')}, not '${text}'`);
}
