import { compilePattern } from './strftime.ts';

// Times as access logs write them. A busy proxy prints thousands with the same second: that part is made once.

let lastSecond = Number.NaN;
let lastText = '';

/** `2024-01-31T08:00:00.123Z` */
export function isoTime(ms: number): string {
  const whole = Math.floor(ms);
  const second = Math.floor(whole / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastText = new Date(second * 1000).toISOString().slice(0, 20);
  }
  const millis = whole - second * 1000;
  return `${lastText}${millis < 10 ? '00' : millis < 100 ? '0' : ''}${millis}Z`;
}

/** strftime with Envoy's `%3f` for fractions of a second; '' is ISO with milliseconds. */
export function compileTime(pattern: string, isLocal = false): (ms: number) => string {
  return pattern === '' && !isLocal ? isoTime : compilePattern(pattern, isLocal);
}
