// Durations as texts, both ways. In: proto-JSON ('1.5s', '-0.000000001s') as xDS writes it, and Go's
// ('1h5m10s', '250ms') as Istio's YAML writes it. Out: milliseconds as a number, fractions kept.
// Never throws: a text that is no duration is undefined, and the caller names the field.

const MS_PER_UNIT: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, micro sign
  μs: 1e-3, // U+03BC, Greek mu: Go takes both
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const PROTO = /^-?\d{1,12}(?:\.\d{1,9})?s$/;
const GO = /^[+-]?(?:(?:\d{1,15}(?:\.\d{0,18})?|\.\d{1,18})(?:ns|us|µs|μs|ms|s|m|h)){1,16}$/;
const GO_PART = /([\d.]+)(ns|us|µs|μs|ms|s|m|h)/g;
/** google.protobuf.Duration: at most 10,000 years, "[-315576000000, +315576000000]" seconds. */
const PROTO_MAX_MS = 315_576_000_000_000;

/** `'1.5s'` -> 1500. Only the JSON form of google.protobuf.Duration: seconds, at most nine decimals, suffix `s`. */
export function parseProtoDurationMs(text: string): number | undefined {
  if (!PROTO.test(text)) return undefined;
  const ms = toMs(Number(text.slice(0, -1)), 's');
  return Math.abs(ms) <= PROTO_MAX_MS ? ms : undefined;
}

/** `'1h5m10s'` -> 3910000. Go's time.ParseDuration: any number of parts; a bare `'0'` needs no unit. */
export function parseGoDurationMs(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  if (!GO.test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(GO_PART)) totalMs += toMs(Number(amount), unit as string);
  return text.startsWith('-') ? 0 - totalMs : totalMs;
}

/** Milliseconds as proto-JSON: 250 -> `'0.25s'`. Rounded to nanoseconds; a number that is not finite is `'0s'`. */
export function formatProtoDuration(ms: number): string {
  if (!Number.isFinite(ms)) return '0s';
  const fixed = (ms / 1000).toFixed(9).replace(/\.?0+$/, '');
  return `${fixed === '-0' ? '0' : fixed}s`;
}

function toMs(amount: number, unit: string): number {
  const ms = amount * (MS_PER_UNIT[unit] ?? Number.NaN);
  // 0.29 * 1000 is 290.00000000000006 in binary; what was written in nanoseconds is read back in nanoseconds.
  return Number.isSafeInteger(Math.round(ms * 1e6)) ? Math.round(ms * 1e6) / 1e6 : ms;
}
