// The control plane's CA, and TLS of its ports.

import { type Issuance, openIssuance } from '../ca/issuance.ts';
import type { IssuerPem } from '../ca/issuer.ts';
import { servingTls } from '../ca/serving-tls.ts';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/random.ts';
import type { TlsContext } from '../wire/connection.ts';
import type { ControlOptions } from './options.ts';

/** The CA and whom it believes. */
export interface Certificates extends Omit<Issuance, 'firstServing'> {
  /** TLS of the ports, for new connections. */
  readonly tls: () => TlsContext;
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
  const random = (): number => systemRandom.next();
  const { firstServing, ...issuance } = await openIssuance(
    { ...options, secret, awaitsCensus: true, clock: systemClock, random, log },
    {
      onTrust,
      onServing(serving) {
        tls = servingTls(serving);
      },
      onError,
    },
  );
  let tls = servingTls(firstServing);
  return { ...issuance, tls: () => tls };
}
