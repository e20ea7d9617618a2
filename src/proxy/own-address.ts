import { networkInterfaces } from 'node:os';

let found: string | undefined;

/** This machine's first IPv4 address that is not a loopback one, as Envoy takes it; 127.0.0.1 where there is none. */
export function ownAddress(): string {
  found ??=
    Object.values(networkInterfaces())
      .flat()
      .find((one) => one !== undefined && one.family === 'IPv4' && !one.internal)?.address ?? '127.0.0.1';
  return found;
}
