// A workload's certificate over time: a new key and a request, an answer from the CA, renewed at half-life with jitter,
// sooner where the mesh has begun to sign with another root, tried again with back-off for as long as it takes. The key
// is made here and goes to `onLeaf` alone.

import { X509Certificate } from 'node:crypto';
import type { Clock, Timer } from '../../lib/clock.ts';
import { decodeCertificateResponse, encodeCertificateRequest } from './certificate-messages.ts';
import { makeKeyAndRequest } from './csr.ts';
import { leadsToFirstRoot } from './first-root.ts';
import { type IssuedIdentity, readIssued } from './issued.ts';
import { encodeLeafInUse } from './leaf-in-use.ts';
import { reissueDelayMs, renewAtMs, renewalRetryDelayMs } from './renewal.ts';

/** A key with its certificate. `privateKeyPem` is secret. */
export interface Leaf extends Pick<IssuedIdentity, 'chainPem' | 'rootsPem' | 'notAfterMs'> {
  readonly privateKeyPem: string;
  readonly receivedAtMs: number;
}

/** What keeps a certificate fresh. */
export interface KeepLeafOptions {
  readonly spiffeId: string;
  /** Lifetime to ask for; the CA may give less. */
  readonly ttlS: number;
  /** Sends an encoded CreateCertificate; the bytes of the answer. */
  readonly createCertificate: (request: Uint8Array) => Promise<Uint8Array>;
  /** Sends an encoded LeafInUse. `unknown`: this CA does not want to know. */
  readonly leafInUse: (request: Uint8Array) => Promise<'told' | 'unknown'>;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly onLeaf: (leaf: Leaf) => void;
  /** Whatever `onLeaf` is given is in use when it returns; otherwise {@link KeptLeaf.inUse} says so. */
  readonly inUseAtOnce?: boolean;
  readonly log: (level: 'info' | 'warning', message: string) => void;
}

/** A certificate that is kept fresh. */
export interface KeptLeaf {
  /** The trust bundle is this now: where it begins with another root than ours, a new certificate is due. */
  rootsChanged(rootsPem: string): void;
  /** Everything that uses the certificate uses the last one given to `onLeaf`: the CA is told. */
  inUse(): void;
  stop(): void;
}

/** A CA that goes on signing with another root than it lists first is not asked for ever. */
const MAX_REISSUES = 3;
/** Tries to tell the CA; the next certificate is told of in any case. */
const MAX_TELLS = 20;

/** Keeps one, starting from `held` where that still serves. */
export function keepLeaf(options: KeepLeafOptions, held?: Leaf): KeptLeaf {
  return new LeafKeeper(options, held);
}

class LeafKeeper implements KeptLeaf {
  readonly #options: KeepLeafOptions;
  #leaf: Leaf | undefined;
  #timer: Timer | undefined;
  #teller: Timer | undefined;
  #told: Leaf | undefined;
  #isAsking = false;
  #isStopped = false;
  #rootsPem = '';
  /** Renewals because of the bundle as it is. */
  #reissues = 0;

  constructor(options: KeepLeafOptions, held: Leaf | undefined) {
    this.#options = options;
    if (held !== undefined && held.notAfterMs > options.clock.nowMs()) this.#take(held);
    else void this.#renew(1);
  }

  rootsChanged(rootsPem: string): void {
    if (rootsPem === this.#rootsPem) return;
    this.#rootsPem = rootsPem;
    this.#reissues = 0;
    if (!this.#isAsking && this.#leaf !== undefined && this.#isOfOlderRoot(this.#leaf))
      this.#reissue(this.#leaf);
  }

  inUse(): void {
    if (this.#leaf === undefined || this.#told === this.#leaf) return;
    this.#told = this.#leaf;
    this.#teller?.cancel();
    void this.#tell(this.#leaf, 1);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#teller?.cancel();
  }

  #isOfOlderRoot({ chainPem }: Leaf): boolean {
    if (this.#rootsPem === '' || this.#reissues >= MAX_REISSUES) return false;
    return !leadsToFirstRoot(chainPem, this.#rootsPem);
  }

  #reissue(leaf: Leaf): void {
    this.#reissues += 1;
    this.#options.log('info', 'the mesh signs with another root: a new certificate is asked for');
    this.#wait(reissueDelayMs(leaf, this.#reissues, this.#options.random), 1);
  }

  #wait(delayMs: number, attempt: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimeout(() => void this.#renew(attempt), Math.max(0, delayMs));
  }

  async #renew(attempt: number): Promise<void> {
    const { clock, random, log, spiffeId } = this.#options;
    this.#isAsking = true;
    const issued = await request(this.#options);
    this.#isAsking = false;
    if (this.#isStopped) return;
    if (typeof issued !== 'string') {
      const end = new Date(issued.notAfterMs).toISOString();
      log('info', `certificate of ${spiffeId}, good until ${end}`);
      return this.#take({ ...issued, receivedAtMs: clock.nowMs() });
    }
    const delayMs = renewalRetryDelayMs(attempt, random);
    const again = `again in ${Math.round(delayMs)} ms`;
    log('warning', `no certificate for ${spiffeId} yet (try ${attempt}): ${issued}; ${again}`);
    this.#wait(delayMs, attempt + 1);
  }

  #take(leaf: Leaf): void {
    const { clock, random, onLeaf, inUseAtOnce = false } = this.#options;
    this.#leaf = leaf;
    this.#wait(renewAtMs(leaf, random) - clock.nowMs(), 1);
    onLeaf(leaf);
    if (inUseAtOnce) this.inUse();
    if (this.#isOfOlderRoot(leaf)) this.#reissue(leaf);
  }

  async #tell(leaf: Leaf, attempt: number): Promise<void> {
    const { clock, random, leafInUse } = this.#options;
    try {
      await leafInUse(encodeLeafInUse(serialOf(leaf)));
    } catch {
      if (this.#isStopped || this.#leaf !== leaf || attempt >= MAX_TELLS) return;
      const delayMs = renewalRetryDelayMs(attempt, random);
      this.#teller = clock.setTimeout(() => void this.#tell(leaf, attempt + 1), delayMs);
    }
  }
}

function serialOf({ chainPem }: Leaf): string {
  return new X509Certificate(chainPem).serialNumber.toLowerCase();
}

/** The key with its certificate, or why there is none. */
async function request(options: KeepLeafOptions): Promise<Omit<Leaf, 'receivedAtMs'> | string> {
  try {
    const { privateKeyPem, csrPem } = makeKeyAndRequest(options.spiffeId);
    const asked = encodeCertificateRequest({ csr: csrPem, validityDurationS: options.ttlS });
    const answer = decodeCertificateResponse(await options.createCertificate(asked));
    const issued = readIssued(answer, privateKeyPem, options.spiffeId);
    if (!issued.ok) return issued.reason;
    const { chainPem, rootsPem, notAfterMs } = issued.identity;
    return { chainPem, rootsPem, notAfterMs, privateKeyPem };
  } catch (error) {
    return (error as Error).message;
  }
}
