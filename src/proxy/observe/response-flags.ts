// Envoy's response flags: what went wrong with a stream, in letters that dashboards and alerts already know.

/** A set of flags as bits; 0 is none. */
export type ResponseFlags = number;

/** Bits in the order in which Envoy prints them. */
export const FLAG = {
  noHealthyUpstream: 1 << 0,
  upstreamConnectionFailure: 1 << 1,
  upstreamOverflow: 1 << 2,
  noRouteFound: 1 << 3,
  upstreamRetryLimitExceeded: 1 << 4,
  noClusterFound: 1 << 5,
  durationTimeout: 1 << 6,
  localReset: 1 << 7,
  upstreamRemoteReset: 1 << 8,
  upstreamRequestTimeout: 1 << 9,
  upstreamConnectionTermination: 1 << 10,
  delayInjected: 1 << 11,
  faultInjected: 1 << 12,
  rateLimited: 1 << 13,
  unauthorizedExternalService: 1 << 14,
  rateLimitServiceError: 1 << 15,
  downstreamConnectionTermination: 1 << 16,
  streamIdleTimeout: 1 << 17,
  downstreamProtocolError: 1 << 18,
  upstreamProtocolError: 1 << 19,
  upstreamMaxStreamDuration: 1 << 20,
  downstreamRemoteReset: 1 << 21,
  overloadManager: 1 << 22,
  failedLocalHealthCheck: 1 << 23,
} as const;

const LETTERS = [
  'UH',
  'UF',
  'UO',
  'NR',
  'URX',
  'NC',
  'DT',
  'LR',
  'UR',
  'UT',
  'UC',
  'DI',
  'FI',
  'RL',
  'UAEX',
  'RLSE',
  'DC',
  'SI',
  'DPE',
  'UPE',
  'UMSDR',
  'DR',
  'OM',
  'LH',
] as const;

/** Flags are few and come again: texts are made once per combination. Combinations are bounded by what code sets. */
const texts = new Map<ResponseFlags, string>([[0, '-']]);

/** `UF,URX`, or `-` for none. */
export function flagText(flags: ResponseFlags): string {
  const known = texts.get(flags);
  if (known !== undefined) return known;
  const text = LETTERS.filter((_, bit) => (flags & (1 << bit)) !== 0).join(',');
  texts.set(flags, text);
  return text;
}

/** %RESPONSE_FLAGS_LONG% */
const NAMES = [
  'NoHealthyUpstream',
  'UpstreamConnectionFailure',
  'UpstreamOverflow',
  'NoRouteFound',
  'UpstreamRetryLimitExceeded',
  'NoClusterFound',
  'DurationTimeout',
  'LocalReset',
  'UpstreamRemoteReset',
  'UpstreamRequestTimeout',
  'UpstreamConnectionTermination',
  'DelayInjected',
  'FaultInjected',
  'RateLimited',
  'UnauthorizedExternalService',
  'RateLimitServiceError',
  'DownstreamConnectionTermination',
  'StreamIdleTimeout',
  'DownstreamProtocolError',
  'UpstreamProtocolError',
  'UpstreamMaxStreamDurationReached',
  'DownstreamRemoteReset',
  'OverloadManagerTerminated',
] as const;

/** `UpstreamConnectionFailure,UpstreamRetryLimitExceeded`, or `-` for none. */
export function flagNames(flags: ResponseFlags): string {
  return flags === 0 ? '-' : NAMES.filter((_, bit) => (flags & (1 << bit)) !== 0).join(',');
}

/** The bit of a flag's letters, undefined for letters that are none. */
export function flagOfLetters(letters: string): ResponseFlags | undefined {
  const bit = LETTERS.indexOf(letters as (typeof LETTERS)[number]);
  return bit < 0 ? undefined : 1 << bit;
}
