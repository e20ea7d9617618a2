// The CA over time: opens what is on disk, follows the user's files and the operator's requests, looks once a second
// whether the next step may be taken. A step is on disk before anybody sees it.

import { createHash, type X509Certificate } from 'node:crypto';
import type { Clock, Timer } from '../../lib/clock.ts';
import { CaError } from '../ca-error.ts';
import { type Issuer, type IssuerPem, makeRootPem, openIssuer } from '../issuer.ts';
import { bundleIdOf, type CertificateAuthority, makeAuthority } from '../trust-bundle.ts';
import { type CensusEntry, type Progress, progressOf } from './census.ts';
import { expiryWarning, lifeOf, warningLevel } from './expiry.ts';
import { type Ledger, openLedger } from './ledger.ts';
import { advanced, begin, needed, type Origin, type RotationState, stable, trusted } from './state.ts';
import {
  generationOf,
  generationOfIssuer,
  type RotationStore,
  readCaFiles,
  rotationStore,
  versionOfCaFiles,
} from './store.ts';

/** What the census is held against. */
export interface Present {
  /** Generation that signs. */
  readonly signer: string;
  /** {@link bundleIdOf} of the bundle that is distributed. */
  readonly bundle: string;
}

/** Where the CA comes from, and who is told. */
export interface RotationOptions {
  readonly trustDomain: string;
  readonly trustDomainAliases?: readonly string[];
  /** Folder of the CA; a root is made there where none is given. */
  readonly keyDir: string;
  /** The user's own CA in `cacerts` layout; followed as it changes. */
  readonly cacertsDir?: string | undefined;
  /** The Secret `cacerts` at the start, where there is no folder. */
  readonly secret?: IssuerPem | undefined;
  /** Longest life of a leaf. */
  readonly maxTtlS: number;
  /** No step before `countBy`: somebody who sees the proxies is about to come. */
  readonly awaitsCensus?: boolean;
  readonly clock: Clock;
  /** Who signs or who is trusted has changed. */
  readonly onChange: (authority: CertificateAuthority) => void;
  /** Takes one line without line end. */
  readonly log: (line: string) => void;
}

/** What `weft ca status` shows. */
export interface RotationReport {
  readonly state: RotationState;
  readonly progress: Progress;
  readonly warnings: readonly string[];
  readonly problems: readonly string[];
}

/** A CA that can be replaced while it serves. */
export interface Rotation {
  readonly authority: () => CertificateAuthority;
  present(): Present;
  readonly ledger: Ledger;
  /** Says who has taken a step; until it is called certificates alone tell. */
  countBy(census: () => readonly CensusEntry[]): void;
  /** Other names of the trust domain, as the mesh configuration has them now; those of the options stay. */
  alsoKnownAs(aliases: readonly string[]): void;
  /** The Secret `cacerts` as it is now; undefined: there is none. */
  offerSecret(pem: IssuerPem | undefined): void;
  report(): RotationReport;
  /** Looks whether something is to be done; also called by itself every second. */
  look(): Promise<void>;
  stop(): Promise<void>;
}

const LOOK_MS = 1000;
const MAX_PROBLEMS = 10;

/** Opens the CA of a folder, be it in the middle of a rotation. Rejects with CaError. */
export async function openRotation(options: RotationOptions): Promise<Rotation> {
  const store = rotationStore(options.keyDir);
  const nowMs = options.clock.nowMs();
  let state = await store.readState();
  const isFirst = state === undefined;
  if (state === undefined) {
    state = await firstState(options, store, nowMs);
    await store.writeState(state);
    await store.writeLeaves(`${JSON.stringify({ format: 1, leaves: [] })}\n`);
  }
  const leaves = await store.readLeaves();
  const ledger = openLedger({
    // A list that was there and is gone is one that cannot be read.
    stored: isFirst ? undefined : (leaves ?? 'gone'),
    save: store.writeLeaves,
    clock: options.clock,
    maxTtlMs: options.maxTtlS * 1000,
    onError: (error) => options.log(`ca: ${textOf(error)}`),
  });
  const rotation = new RunningRotation(options, store, ledger, state);
  await rotation.open();
  return rotation;
}

class RunningRotation implements Rotation {
  readonly ledger: Ledger;
  readonly #options: RotationOptions;
  readonly #store: RotationStore;
  readonly #issuers = new Map<string, Issuer>();
  readonly #problems = new Map<string, string>();
  /** The highest warning already said, by generation. */
  readonly #warned = new Map<string, number>();
  #state: RotationState;
  #authority: CertificateAuthority | undefined;
  #census: (() => readonly CensusEntry[]) | undefined;
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #isStopped = false;
  #filesVersion = '';
  #secret: IssuerPem | undefined;
  #seenSecret: string | undefined;
  #aliases: readonly string[];

  constructor(options: RotationOptions, store: RotationStore, ledger: Ledger, state: RotationState) {
    this.#options = options;
    this.#store = store;
    this.ledger = ledger;
    this.#state = state;
    this.#secret = options.secret;
    this.#aliases = options.trustDomainAliases ?? [];
  }

  async open(): Promise<void> {
    await this.#openIssuers(this.#state);
    this.#authority = this.#authorityOf(this.#state);
    await this.look();
  }

  readonly authority = (): CertificateAuthority => {
    if (this.#authority === undefined) throw new Error('the CA is not open');
    return this.#authority;
  };

  present(): Present {
    return { signer: this.#state.signer, bundle: bundleIdOf(this.authority()) };
  }

  countBy(census: () => readonly CensusEntry[]): void {
    this.#census = census;
  }

  alsoKnownAs(aliases: readonly string[]): void {
    const { trustDomain, trustDomainAliases = [] } = this.#options;
    const all = [...new Set([...trustDomainAliases, ...aliases])].filter((name) => name !== trustDomain);
    if (all.join(' ') === this.#aliases.join(' ')) return;
    this.#aliases = all;
    this.#authority = this.#authorityOf(this.#state);
  }

  offerSecret(pem: IssuerPem | undefined): void {
    this.#secret = pem;
  }

  report(): RotationReport {
    return {
      state: this.#state,
      progress: this.#progress(),
      warnings: this.#warnings(),
      problems: [...this.#problems.values()],
    };
  }

  look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#looking;
    await this.ledger.flush();
  }

  async #lookOnce(): Promise<void> {
    this.#timer?.cancel();
    try {
      await this.#takeOffers();
      if (this.#mayAdvance()) await this.#advance();
      this.#warn();
    } catch (error) {
      this.#problem('rotation', textOf(error));
    }
    if (!this.#isStopped) this.#timer = this.#options.clock.setTimeout(() => void this.look(), LOOK_MS);
  }

  #mayAdvance(): boolean {
    if (this.#state.phase === 'stable') return false;
    if (this.#census === undefined && this.#options.awaitsCensus === true) return false;
    return this.#progress().missing.length === 0;
  }

  /** New files of the user, a new Secret, the operator's wish; each waits while a rotation is under way. */
  async #takeOffers(): Promise<void> {
    if (this.#state.phase !== 'stable') return;
    const { cacertsDir } = this.#options;
    if (cacertsDir !== undefined) await this.#takeFolder(cacertsDir);
    else if (this.#secret !== undefined) await this.#takeSecret(this.#secret);
    if (this.#state.phase === 'stable' && (await this.#store.takeRequest())) await this.#takeRequest();
  }

  async #takeFolder(folder: string): Promise<void> {
    const version = await versionOfCaFiles(folder);
    if (version === this.#filesVersion) return;
    try {
      // A mounted Secret has its own permissions, often 0644 behind a folder only the Pod has.
      const pem = await readCaFiles(folder, 0o644);
      if (pem === undefined) throw new CaError('ca_files_incomplete', `${folder} holds no whole CA`);
      await this.#offer(pem, 'folder');
      this.#problems.delete('folder');
    } catch (error) {
      this.#problem('folder', textOf(error));
    }
    this.#filesVersion = version;
  }

  async #takeSecret(pem: IssuerPem): Promise<void> {
    const seen = createHash('sha256').update(JSON.stringify(pem)).digest('hex');
    if (seen === this.#seenSecret) return;
    this.#seenSecret = seen;
    try {
      await this.#offer(pem, 'secret');
      this.#problems.delete('secret');
    } catch (error) {
      this.#problem('secret', `the Secret cacerts cannot be used: ${textOf(error)}`);
    }
  }

  async #takeRequest(): Promise<void> {
    if (this.#options.cacertsDir !== undefined || this.#secret !== undefined) {
      const text =
        'the CA is yours: replace its files (cacerts) by those of the next one, and the rotation begins';
      return this.#problem('request', text);
    }
    this.#problems.delete('request');
    const pem = await makeRootPem(this.#options.trustDomain, this.#options.clock.nowMs());
    await this.#offer(pem, 'own');
  }

  async #offer(pem: IssuerPem, origin: Origin): Promise<void> {
    const nowMs = this.#options.clock.nowMs();
    if (generationOf(pem) === this.#state.signer) return;
    const next = await this.#store.keep(pem, nowMs);
    await this.#become(begin(this.#state, next, origin, nowMs));
  }

  async #advance(): Promise<void> {
    const { phase, previous } = this.#state;
    await this.#become(advanced(this.#state, this.#options.clock.nowMs()));
    if (phase === 'retire' && previous !== undefined && !needed(this.#state).includes(previous)) {
      this.#issuers.delete(previous);
      await this.#store.forget(previous);
    }
  }

  /** First to disk, then to the world. */
  async #become(state: RotationState): Promise<void> {
    await this.#openIssuers(state);
    await this.#store.writeState(state);
    this.#state = state;
    this.#authority = this.#authorityOf(state);
    this.#options.log(`ca: rotation: ${sentenceOf(state)}`);
    this.#options.onChange(this.authority());
  }

  async #openIssuers(state: RotationState): Promise<void> {
    for (const generation of trusted(state)) {
      if (this.#issuers.has(generation)) continue;
      this.#issuers.set(generation, await this.#store.open(generation, this.#options.clock.nowMs()));
    }
  }

  #authorityOf(state: RotationState): CertificateAuthority {
    const [signer, ...alsoTrusted] = trusted(state).map((one) => this.#issuers.get(one)!);
    if (signer === undefined) throw new Error('nobody signs');
    const { trustDomain } = this.#options;
    return makeAuthority({ trustDomain, trustDomainAliases: this.#aliases, signer, alsoTrusted });
  }

  #progress(): Progress {
    const census = this.#census?.() ?? censusOfLedger(this.ledger, this.present());
    const { blindUntilMs } = this.ledger;
    if (blindUntilMs === undefined || blindUntilMs < this.#options.clock.nowMs())
      return progressOf(this.#state.phase, census);
    const name = `certificates issued before ${new Date(blindUntilMs).toISOString()}`;
    const unknown = { name, connected: false, trustsPresent: false, leafIsPresent: false };
    return progressOf(this.#state.phase, [...census, unknown]);
  }

  #certificates(): readonly (readonly [what: string, certificate: X509Certificate])[] {
    const { signer } = this.authority();
    const isOther = (one: X509Certificate): boolean =>
      one.fingerprint256 !== signer.certificate.fingerprint256;
    const roots = signer.roots.filter(isOther);
    return [
      ['the signing CA', signer.certificate],
      ...signer.intermediates.filter(isOther).map((one) => ['an intermediate above it', one] as const),
      ...roots.map((root) => ['a root of the trust bundle', root] as const),
    ];
  }

  #warnings(): readonly string[] {
    const nowMs = this.#options.clock.nowMs();
    return this.#certificates().flatMap(
      ([what, certificate]) => expiryWarning(what, lifeOf(certificate), nowMs) ?? [],
    );
  }

  #warn(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const [what, certificate] of this.#certificates()) {
      const level = warningLevel(lifeOf(certificate), nowMs);
      if (level <= (this.#warned.get(certificate.fingerprint256) ?? 0)) continue;
      this.#warned.set(certificate.fingerprint256, level);
      this.#options.log(`ca: warning: ${expiryWarning(what, lifeOf(certificate), nowMs)}`);
    }
  }

  #problem(key: string, text: string): void {
    if (this.#problems.get(key) === text) return;
    if (this.#problems.size < MAX_PROBLEMS || this.#problems.has(key)) this.#problems.set(key, text);
    this.#options.log(`ca: ${text}`);
  }
}

/** Where no proxies are seen (the CA by itself): trust comes with each certificate, and that is all there is to know. */
export function censusOfLedger(ledger: Ledger, present: Present): readonly CensusEntry[] {
  return ledger.outstanding().map((record) => ({
    name: `${record.spiffeId} ${record.pod ?? record.address}`,
    connected: false,
    trustsPresent: record.bundle === present.bundle,
    leafIsPresent: record.issuer === present.signer && (record.inUse || !record.tells),
  }));
}

async function firstState(
  options: RotationOptions,
  store: RotationStore,
  nowMs: number,
): Promise<RotationState> {
  const { cacertsDir, secret, keyDir, trustDomain } = options;
  if (cacertsDir !== undefined) {
    const pem = await readCaFiles(cacertsDir, 0o644);
    if (pem === undefined) {
      throw new CaError(
        'ca_files_incomplete',
        `${cacertsDir} must hold ca-cert.pem, ca-key.pem and root-cert.pem`,
      );
    }
    return stable(await store.keep(pem, nowMs), 'folder', nowMs);
  }
  const made = await readCaFiles(keyDir);
  // Whoever had a root of weft's and brings a Secret now rotates to it.
  if (secret !== undefined && made === undefined)
    return stable(await store.keep(secret, nowMs), 'secret', nowMs);
  const issuer = await openIssuer({ folder: keyDir, createForTrustDomain: trustDomain, nowMs });
  return stable(generationOfIssuer(issuer), 'own', nowMs);
}

function sentenceOf({ phase, signer, next, previous }: RotationState): string {
  switch (phase) {
    case 'distribute':
      return `the trust in ${next} is distributed; ${signer} signs until everyone has it`;
    case 'reissue':
      return `${signer} signs now; ${previous} stays trusted until every certificate is replaced`;
    case 'retire':
      return `the trust in ${previous} is withdrawn`;
    case 'stable':
      return `done; ${signer} signs and is trusted`;
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
