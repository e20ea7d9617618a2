// A CA at work: the authority as it is now, whom it believes, and what its own server serves with. A rotation changes
// all of it meanwhile. `weft ca` and the control plane each have one.

import { trustBundlePem } from '../wire/identity/trust-bundle.ts';
import { type Authentication, authenticate, type Credentials } from './authenticate.ts';
import { auditLine } from './issuance-audit.ts';
import { joinTokens } from './join-tokens.ts';
import { watchJwksFile } from './jwks-file.ts';
import { replaceStored } from './key-store.ts';
import { type LeafInUse, makeLeafInUse } from './leaf-in-use.ts';
import { openRotation, type Rotation, type RotationOptions } from './rotation/rotation.ts';
import { type CreateCertificate, DEFAULT_LIMITS, makeCertificateService } from './service.ts';
import { CA_AUDIENCE } from './service-account-token.ts';
import {
  CONTROL_PLANE_NAMES,
  joinNames,
  SERVING_TTL_S,
  type ServingCertificate,
  type ServingNames,
} from './serving-certificate.ts';
import { type ServingRenewal, startServingRenewal } from './serving-renewal.ts';
import { DEFAULT_LIFETIME, type LifetimePolicy } from './sign.ts';

/** What a CA is made of. */
export interface IssuanceOptions extends Omit<RotationOptions, 'maxTtlS' | 'onChange'> {
  /** Absent: only certificates are accepted as proof. */
  readonly tokenJwksFile?: string | undefined;
  /** `iss` that tokens must carry; absent accepts any. */
  readonly tokenIssuer?: string | undefined;
  /** Names clients reach the server by, beside those of a control plane. */
  readonly names?: ServingNames | undefined;
  /** Where to write the trust bundle for clients, in PEM. */
  readonly rootsFile?: string | undefined;
  readonly lifetime?: LifetimePolicy | undefined;
  /** Uniform in [0, 1); spreads renewals. */
  readonly random: () => number;
}

/** Who is told what. */
export interface IssuanceListener {
  /** Roots have come or gone. */
  readonly onTrust: () => void;
  /** The server's certificate is another one. */
  readonly onServing: (serving: ServingCertificate) => void;
  readonly onError: (error: unknown) => void;
}

/** A CA at work. */
export interface Issuance {
  readonly rotation: Rotation;
  /** The server's first certificate. */
  readonly firstServing: ServingCertificate;
  /** PEM of the roots as they are now. */
  rootsPem(): string;
  readonly createCertificate: CreateCertificate;
  readonly leafInUse: LeafInUse;
  readonly authenticate: (shown: Credentials) => Promise<Authentication>;
  stop(): Promise<void>;
}

/** Opens the CA of the options and writes its roots. Rejects with CaError. */
export async function openIssuance(
  options: IssuanceOptions,
  { onTrust, onServing, onError }: IssuanceListener,
): Promise<Issuance> {
  const { tokenJwksFile, tokenIssuer: issuer, lifetime = DEFAULT_LIFETIME, rootsFile, keyDir } = options;
  const { clock, random, log } = options;
  const nowMs = (): number => clock.nowMs();
  let renewal: ServingRenewal | undefined;
  const rotation = await openRotation({
    ...options,
    maxTtlS: lifetime.maxTtlS,
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
  const names = joinNames(CONTROL_PLANE_NAMES, options.names);
  const { authority } = rotation;
  renewal = await startServingRenewal({
    ...{ authority, names, ttlS: SERVING_TTL_S, clock, random, onError },
    onRenewed: onServing,
  });
  const createCertificate = makeCertificateService({
    ...{ authority, authentication, lifetime, limits: DEFAULT_LIMITS, nowMs },
    audit: (event) => log(auditLine(event, nowMs())),
    joinTokens: joinTokens(keyDir, nowMs),
    ledger: rotation.ledger,
  });
  return {
    rotation,
    firstServing: renewal.first,
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
