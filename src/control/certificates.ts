// The control plane's CA: the authority as it is now, whom it believes, and what it serves with. A rotation
// (src/ca/rotation) changes all of it while it serves.

import { type Authentication, authenticate, type Credentials } from '../ca/authenticate.ts';
import { auditLine } from '../ca/issuance-audit.ts';
import type { IssuerPem } from '../ca/issuer.ts';
import { joinTokens } from '../ca/join-tokens.ts';
import { watchJwksFile } from '../ca/jwks-file.ts';
import { replaceStored } from '../ca/key-store.ts';
import { type LeafInUse, makeLeafInUse } from '../ca/leaf-in-use.ts';
import { openRotation, type Rotation } from '../ca/rotation/rotation.ts';
import { type CreateCertificate, DEFAULT_LIMITS, makeCertificateService } from '../ca/service.ts';
import { CA_AUDIENCE } from '../ca/service-account-token.ts';
import { CONTROL_PLANE_NAMES, joinNames, SERVING_TTL_S } from '../ca/serving-certificate.ts';
import { type ServingRenewal, startServingRenewal } from '../ca/serving-renewal.ts';
import { DEFAULT_LIFETIME } from '../ca/sign.ts';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/random.ts';
import type { TlsContext } from '../wire/connection.ts';
import { trustBundlePem } from '../wire/identity/trust-bundle.ts';
import type { ControlOptions } from './options.ts';
import { servingTls } from './serve/serving-tls.ts';

/** The CA and whom it believes. */
export interface Certificates {
  readonly rotation: Rotation;
  /** TLS of the ports, for new connections. */
  readonly tls: () => TlsContext;
  /** PEM of the roots as they are now. */
  rootsPem(): string;
  readonly createCertificate: CreateCertificate;
  readonly leafInUse: LeafInUse;
  readonly authenticate: (shown: Credentials) => Promise<Authentication>;
  stop(): Promise<void>;
}

/** What the CA tells. */
export interface CertificatesListener {
  /** Roots have come or gone. */
  readonly onTrust: () => void;
  readonly log: (line: string) => void;
  readonly onError: (error: unknown) => void;
}

/** Opens the CA of the options; `secret` is the Secret `cacerts` of the configuration. Rejects with CaError. */
export async function openCertificates(
  options: ControlOptions,
  secret: IssuerPem | undefined,
  { onTrust, log, onError }: CertificatesListener,
): Promise<Certificates> {
  const { tokenJwksFile, tokenIssuer: issuer, lifetime = DEFAULT_LIFETIME, rootsFile, keyDir } = options;
  const nowMs = (): number => systemClock.nowMs();
  let renewal: ServingRenewal | undefined;
  const rotation = await openRotation({
    ...options,
    secret,
    maxTtlS: lifetime.maxTtlS,
    awaitsCensus: true,
    clock: systemClock,
    log,
    onChange: () => {
      void writeRoots().catch(onError);
      void renewal?.renewNow();
      onTrust();
    },
  });
  const rootsPem = (): string => trustBundlePem(rotation.authority().bundle);
  const writeRoots = async (): Promise<void> => {
    if (rootsFile !== undefined) await replaceStored(rootsFile, 0o644, rootsPem());
  };
  await writeRoots();
  const tokenKeys = tokenJwksFile === undefined ? undefined : watchJwksFile(tokenJwksFile, onError);
  const authentication = { audience: CA_AUDIENCE, issuer, tokenKeys };
  const proof = (shown: Credentials): Promise<Authentication> =>
    authenticate(shown, rotation.authority(), authentication, nowMs());
  renewal = await startServingRenewal({
    authority: rotation.authority,
    names: joinNames(CONTROL_PLANE_NAMES, options.names),
    ttlS: SERVING_TTL_S,
    clock: systemClock,
    random: () => systemRandom.next(),
    onRenewed(serving) {
      tls = servingTls(serving);
    },
    onError,
  });
  let tls = servingTls(renewal.first);
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
  return {
    rotation,
    tls: () => tls,
    rootsPem,
    createCertificate,
    leafInUse: makeLeafInUse(rotation.ledger, proof),
    authenticate: proof,
    async stop() {
      renewal?.stop();
      await rotation.stop();
    },
  };
}
