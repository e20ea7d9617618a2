/** Units of `grpc-timeout`, finest first, in milliseconds. */
const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['n', 1e-6],
  ['u', 1e-3],
  ['m', 1],
  ['S', 1000],
  ['M', 60_000],
  ['H', 3_600_000],
];

/** No more than eight digits are allowed. */
const MAX_DIGITS_VALUE = 99_999_999;

/** A time as `grpc-timeout`: in milliseconds where they fit, else in the next unit that holds it; never shorter than asked. */
export function encodeGrpcTimeout(timeoutMs: number): string {
  for (const [unit, ms] of UNITS.slice(2)) {
    const value = Math.max(1, Math.ceil(timeoutMs / ms));
    if (value <= MAX_DIGITS_VALUE) return `${value}${unit}`;
  }
  return `${MAX_DIGITS_VALUE}H`;
}

/** `grpc-timeout` in milliseconds, undefined where it is malformed. */
export function decodeGrpcTimeout(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,8})([numSMH])$/.exec(text) ?? [];
  const ms = UNITS.find(([name]) => name === unit)?.[1];
  return digits === undefined || ms === undefined ? undefined : Number(digits) * ms;
}
