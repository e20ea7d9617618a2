// Times in a pattern that a configuration gives: few do, and the proxy loads this for them only.

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/** Letters of strftime; a time is one whose UTC fields are to be printed. `offset`: its distance from UTC in minutes. */
const PARTS: Readonly<Record<string, (time: Date, offset: number) => string>> = {
  Y: (t) => String(t.getUTCFullYear()),
  y: (t) => two(t.getUTCFullYear() % 100),
  m: (t) => two(t.getUTCMonth() + 1),
  b: (t) => (MONTHS[t.getUTCMonth()] as string).slice(0, 3),
  B: (t) => MONTHS[t.getUTCMonth()] as string,
  d: (t) => two(t.getUTCDate()),
  e: (t) => String(t.getUTCDate()).padStart(2),
  j: (t) => String(dayOfYear(t)).padStart(3, '0'),
  a: (t) => (DAYS[t.getUTCDay()] as string).slice(0, 3),
  A: (t) => DAYS[t.getUTCDay()] as string,
  H: (t) => two(t.getUTCHours()),
  I: (t) => two(t.getUTCHours() % 12 || 12),
  M: (t) => two(t.getUTCMinutes()),
  S: (t) => two(t.getUTCSeconds()),
  p: (t) => (t.getUTCHours() < 12 ? 'AM' : 'PM'),
  F: (t) => t.toISOString().slice(0, 10),
  T: (t) => t.toISOString().slice(11, 19),
  R: (t) => t.toISOString().slice(11, 16),
  D: (t) => `${two(t.getUTCMonth() + 1)}/${two(t.getUTCDate())}/${two(t.getUTCFullYear() % 100)}`,
  s: (t, offset) => String(Math.floor(t.getTime() / 1000) - offset * 60),
  z: (_, offset) => zone(offset),
  Z: (_, offset) => (offset === 0 ? 'UTC' : zone(offset)),
  n: () => '\n',
  t: () => '\t',
  '%': () => '%',
};

function zone(offset: number): string {
  const minutes = Math.abs(offset);
  return `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
}

function dayOfYear(time: Date): number {
  return Math.floor((time.getTime() - Date.UTC(time.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
}

/** What Envoy prints of a local time without a format. */
const LOCAL_PATTERN = '%Y-%m-%dT%H:%M:%S.%3f%z';

/** A pattern of strftime with Envoy's `%3f` for fractions of a second; '' is what Envoy prints of a local time. */
export function compilePattern(pattern: string, isLocal: boolean): (ms: number) => string {
  const pieces = [...(pattern || LOCAL_PATTERN).matchAll(/%([1-9])?f|%(.)|[^%]+/gs)].map(
    ([text, digits, letter]) => {
      if (letter === undefined && text.startsWith('%')) return fraction(Number(digits ?? 9));
      const part = letter === undefined ? undefined : PARTS[letter];
      return part ?? (() => text);
    },
  );
  return (ms) => {
    const offset = isLocal ? -new Date(ms).getTimezoneOffset() : 0;
    const time = new Date(ms + offset * 60_000);
    return pieces.map((piece) => piece(time, offset)).join('');
  };
}

function fraction(digits: number): (time: Date) => string {
  return (time) => String(time.getUTCMilliseconds()).padStart(3, '0').padEnd(9, '0').slice(0, digits);
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
