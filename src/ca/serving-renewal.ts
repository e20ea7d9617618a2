// Keeps a server's certificate fresh: issued now, issued again at half of its life, with retries.

import type { Clock, Timer } from '../lib/clock.ts';
import { renewAtMs, renewalRetryDelayMs } from '../wire/identity/renewal.ts';
import {
  issueServingCertificate,
  type ServingCertificate,
  type ServingNames,
} from './serving-certificate.ts';
import type { CertificateAuthority } from './trust-bundle.ts';

/** What to keep fresh. */
export interface ServingRenewalOptions {
  readonly authority: () => CertificateAuthority;
  readonly names: ServingNames;
  readonly ttlS: number;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly onRenewed: (serving: ServingCertificate) => void;
  readonly onError: (error: unknown) => void;
}

/** The first certificate, and the means to stop. */
export interface ServingRenewal {
  readonly first: ServingCertificate;
  /** Issues at once, for a changed authority; a failure is told to `onError` and tried again. */
  renewNow(): Promise<void>;
  stop(): void;
}

/** Issues the first certificate and schedules the next. Rejects when the first cannot be issued. */
export async function startServingRenewal(options: ServingRenewalOptions): Promise<ServingRenewal> {
  const { clock, random } = options;
  let timer: Timer | undefined;
  let stopped = false;
  let failures = 0;
  const issue = () =>
    issueServingCertificate(options.authority(), options.names, options.ttlS, clock.nowMs());
  const wait = (delayMs: number): void => {
    timer?.cancel();
    if (!stopped) timer = clock.setTimeout(() => void renewNow(), delayMs);
  };
  const waitFor = ({ notAfterMs }: ServingCertificate): void => {
    const receivedAtMs = clock.nowMs();
    wait(renewAtMs({ receivedAtMs, notAfterMs }, random) - receivedAtMs);
  };
  const renewNow = async (): Promise<void> => {
    try {
      const serving = await issue();
      if (stopped) return;
      failures = 0;
      options.onRenewed(serving);
      waitFor(serving);
    } catch (error) {
      failures++;
      options.onError(error);
      wait(renewalRetryDelayMs(failures, random));
    }
  };
  const first = await issue();
  waitFor(first);
  return {
    first,
    renewNow,
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}
