import type { Origin } from './origin.ts';

/**
 * A key set that believes nobody: until one has been fetched a token is refused, not passed by unverified. Envoy takes
 * no empty set. The point of P-256 is the first one whose x is at least SHA-256("weft: nobody signs with this key"), so
 * that nobody can know a private key for it.
 */
export const NO_KEYS =
  '{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","kid":"nobody","x":"zuB0GeCLaU-XS-f8U_WD0sSc1y0ZAiRLb73Ih4MMnBs","y":"Ww89g056mrZVKLtB_0MpIvvsUaMWBwPYghl8PTqpIJ4"}]}';

/** What is known of a key set that is fetched. */
export interface KeySet {
  /** JSON: the last good one; undefined where there never was one. */
  readonly keys: string | undefined;
  /** Why there is none, or none newer; '' where all is well. */
  readonly problem: string;
}

/** Whose tokens are believed at a workload, and where they are found. One rule of a RequestAuthentication. */
export interface JwtRule {
  readonly origin: Origin;
  /** '' for any issuer. */
  readonly issuer: string;
  /** One of them must be meant by the token; empty for any. */
  readonly audiences: readonly string[];
  /** The key set itself, JSON; '' where it is fetched. */
  readonly keys: string;
  /** Where the key set is; '' where it is given. */
  readonly keysUri: string;
  readonly fetchTimeoutMs: number;
  readonly fromHeaders: readonly { readonly name: string; readonly prefix: string }[];
  readonly fromParams: readonly string[];
  readonly fromCookies: readonly string[];
  /** The application sees the token too. */
  readonly forward: boolean;
  /** Header that takes the payload, base64url; '' for none. */
  readonly payloadHeader: string;
  readonly claimHeaders: readonly { readonly header: string; readonly claim: string }[];
  readonly spaceDelimitedClaims: readonly string[];
}
