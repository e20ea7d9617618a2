// The CA by itself: opens or makes its root, serves CreateCertificate with TLS 1.3, renews its own certificate.

import { Server } from '@grpc/grpc-js';
import type { Clock } from '../lib/clock.ts';
import { trustBundlePem } from '../wire/identity/trust-bundle.ts';
import { authenticate, type Credentials } from './authenticate.ts';
import { endServer } from './end-server.ts';
import { addCertificateService } from './grpc-service.ts';
import { auditLine } from './issuance-audit.ts';
import { openIssuer } from './issuer.ts';
import { createJoinToken, type JoinOrder, joinTokens } from './join-tokens.ts';
import { watchJwksFile } from './jwks-file.ts';
import { replaceStored } from './key-store.ts';
import { makeLeafInUse } from './leaf-in-use.ts';
import { requestRotation } from './rotation/request.ts';
import { openRotation } from './rotation/rotation.ts';
import { MeshServerCredentials } from './server-credentials.ts';
import { DEFAULT_LIMITS, MAX_REQUEST_BYTES, makeCertificateService } from './service.ts';
import { CA_AUDIENCE } from './service-account-token.ts';
import { CONTROL_PLANE_NAMES, joinNames, SERVING_TTL_S, type ServingNames } from './serving-certificate.ts';
import { type ServingRenewal, startServingRenewal } from './serving-renewal.ts';
import { DEFAULT_LIFETIME, type LifetimePolicy } from './sign.ts';
import { type CertificateAuthority, makeAuthority } from './trust-bundle.ts';

/** What the CA is started with. */
export interface CaOptions extends AuthorityOptions {
  /** Absent: only certificates are accepted as proof. */
  readonly tokenJwksFile?: string;
  /** `iss` that tokens must carry; absent accepts any. */
  readonly tokenIssuer?: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Names clients reach it by, beside those of a control plane. */
  readonly names?: ServingNames;
  /** Where to write the trust bundle for clients, in PEM. */
  readonly rootsFile?: string;
  readonly lifetime?: LifetimePolicy;
  readonly clock: Clock;
  /** Uniform in [0, 1); spreads renewals. */
  readonly random: () => number;
  /** Takes one line without line end: audit and errors. */
  readonly log: (line: string) => void;
}

/** Where the authority comes from. */
export interface AuthorityOptions {
  readonly trustDomain: string;
  readonly trustDomainAliases?: readonly string[];
  /** Folder of the CA that signs itself; made when there is none. */
  readonly keyDir: string;
  /** Folder in `cacerts` layout with the user's own CA, in place of `keyDir`. */
  readonly cacertsDir?: string;
}

/** A serving CA. */
export interface RunningCa {
  readonly port: number;
  readonly rootsPem: string;
  /** Lets calls in progress end, for a second at most. */
  close(): Promise<void>;
}

const CLOSE_TIMEOUT_MS = 1000;

/** The authority that the options describe. Rejects with CaError. */
export async function openAuthority(options: AuthorityOptions, nowMs: number): Promise<CertificateAuthority> {
  const { trustDomain, trustDomainAliases = [], keyDir, cacertsDir } = options;
  const signer = await openIssuer(
    cacertsDir === undefined
      ? { folder: keyDir, createForTrustDomain: trustDomain, nowMs }
      : { folder: cacertsDir, nowMs },
  );
  return makeAuthority({ trustDomain, trustDomainAliases, signer });
}

/** `weft ca rotate`. Rejects with CaError. */
export function rotate(keyDir: string): Promise<void> {
  return requestRotation(keyDir);
}

/** `weft ca token create`: the text of a one-time token, secret. Rejects with RangeError. */
export function makeJoinToken(keyDir: string, order: JoinOrder, nowMs: number): Promise<string> {
  return createJoinToken(keyDir, order, nowMs);
}

/** Starts the CA; resolves when it listens. Rejects with CaError, or with the system's error about the port. */
export async function runCa(options: CaOptions): Promise<RunningCa> {
  const { clock, log } = options;
  const nowMs = () => clock.nowMs();
  const logError = (error: unknown): void => log(`ca: ${error instanceof Error ? error.message : error}`);
  const { tokenJwksFile, keyDir, lifetime = DEFAULT_LIFETIME, rootsFile } = options;
  let renewal: ServingRenewal | undefined;
  const rotation = await openRotation({
    ...options,
    maxTtlS: lifetime.maxTtlS,
    onChange: () => {
      void writeRoots().catch(logError);
      void renewal?.renewNow();
    },
  });
  const rootsPem = (): string => trustBundlePem(rotation.authority().bundle);
  const writeRoots = async (): Promise<void> => {
    if (rootsFile !== undefined) await replaceStored(rootsFile, 0o644, rootsPem());
  };
  const server = new Server({ 'grpc.max_receive_message_length': MAX_REQUEST_BYTES });
  const tokenKeys = tokenJwksFile === undefined ? undefined : watchJwksFile(tokenJwksFile, logError);
  const authentication = { audience: CA_AUDIENCE, issuer: options.tokenIssuer, tokenKeys };
  const createCertificate = makeCertificateService({
    authority: rotation.authority,
    authentication,
    lifetime,
    limits: DEFAULT_LIMITS,
    nowMs,
    audit: (event) => log(auditLine(event, nowMs())),
    joinTokens: joinTokens(keyDir, nowMs),
    ledger: rotation.ledger,
  });
  const proof = (shown: Credentials) => authenticate(shown, rotation.authority(), authentication, nowMs());
  addCertificateService(server, createCertificate, makeLeafInUse(rotation.ledger, proof));
  renewal = await startServingRenewal({
    authority: rotation.authority,
    names: joinNames(CONTROL_PLANE_NAMES, options.names),
    ttlS: SERVING_TTL_S,
    clock,
    random: options.random,
    onRenewed: (serving) => credentials.renew(serving),
    onError: logError,
  });
  const credentials = new MeshServerCredentials(renewal.first);
  await writeRoots();
  const port = await bind(server, `${bracketed(options.host)}:${options.port}`, credentials).catch(
    async (error) => {
      renewal.stop();
      await rotation.stop();
      throw error;
    },
  );
  return {
    port,
    rootsPem: rootsPem(),
    async close() {
      renewal.stop();
      await rotation.stop();
      await endServer(server, CLOSE_TIMEOUT_MS);
    },
  };
}

function bind(server: Server, address: string, credentials: MeshServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
  });
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
