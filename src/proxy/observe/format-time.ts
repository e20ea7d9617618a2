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

const PARTS: Readonly<Record<string, (time: Date) => string>> = {
  Y: (t) => String(t.getUTCFullYear()),
  m: (t) => two(t.getUTCMonth() + 1),
  d: (t) => two(t.getUTCDate()),
  H: (t) => two(t.getUTCHours()),
  M: (t) => two(t.getUTCMinutes()),
  S: (t) => two(t.getUTCSeconds()),
  F: (t) => t.toISOString().slice(0, 10),
  T: (t) => t.toISOString().slice(11, 19),
  s: (t) => String(Math.floor(t.getTime() / 1000)),
  '%': () => '%',
};

/** strftime with Envoy's `%3f` for fractions of a second; '' is ISO with milliseconds. */
export function compileTime(pattern: string): (ms: number) => string {
  if (pattern === '') return isoTime;
  const pieces = [...pattern.matchAll(/%([1-9])?f|%(.)|[^%]+/gs)].map(([text, digits, letter]) => {
    if (letter === undefined && text.startsWith('%')) return fraction(Number(digits ?? 9));
    const part = letter === undefined ? undefined : PARTS[letter];
    return part ?? (() => text);
  });
  return (ms) => {
    const time = new Date(ms);
    return pieces.map((piece) => piece(time)).join('');
  };
}

function fraction(digits: number): (time: Date) => string {
  return (time) => String(time.getUTCMilliseconds()).padStart(3, '0').padEnd(9, '0').slice(0, digits);
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
