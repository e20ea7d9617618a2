/**
 * A proxy that acknowledges trust bundles when the test says so. A rotation waits for it as for any other, so a test can
 * keep the next step from being taken until it has stopped somebody else.
 */
import { readFileSync } from 'node:fs';
import { typeUrls } from '../../src/xds/resources.ts';
import { type AdsClient, adsClient } from '../serve/ads-client.ts';

export interface Witness {
  /** `POD.NAMESPACE`, as a rotation names whom it waits for. */
  readonly name: string;
  /** Acknowledges whatever bundle there is now, and none that follows. */
  accept(bundlePem: string): void;
  /** Has not acknowledged the present bundle, as if it had come anew. */
  hold(): void;
  close(): void;
}

const RECONNECT_MS = 100;

/** Connects, and again when the control plane was away. It accepts the first bundle that it is given. */
export function startWitness(options: {
  readonly port: number;
  readonly rootsFile: string;
  readonly token: string;
  readonly pod: string;
}): Witness {
  const { port, rootsFile, token, pod } = options;
  let accepted: string | undefined | 'any' = 'any';
  let current: AdsClient | undefined;
  let timer: NodeJS.Timeout | undefined;
  const connect = (): void => {
    const mine = adsClient({
      port,
      nodeId: `router~127.0.0.1~${pod}.default~default.svc.cluster.local`,
      rootsPem: readFileSync(rootsFile, 'utf8'),
      token,
      subscribe: { [typeUrls.secret]: ['ROOTCA'] },
      judge({ resources }) {
        const text = Buffer.concat(resources.map(({ value }) => Buffer.from(value))).toString('latin1');
        if (accepted === 'any') return undefined;
        return accepted !== undefined && text.includes(accepted) ? undefined : 'not now';
      },
    });
    current = mine;
    void mine.ended.then(() => {
      if (current !== mine) return;
      timer = setTimeout(connect, RECONNECT_MS);
    });
  };
  const anew = (): void => {
    clearTimeout(timer);
    const before = current;
    connect();
    before?.close();
  };
  connect();
  return {
    name: `${pod}.default`,
    accept(bundlePem) {
      accepted = bundlePem;
      anew();
    },
    hold() {
      accepted = undefined;
      anew();
    },
    close() {
      clearTimeout(timer);
      const last = current;
      current = undefined;
      last?.close();
    },
  };
}
