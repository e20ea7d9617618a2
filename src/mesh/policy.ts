import type { Origin } from './origin.ts';

/** What a workload takes at a port: TLS of mesh peers only, both, or plain text only. */
export type PeerMode = 'strict' | 'permissive' | 'disable';

/** The modes that hold for one workload. */
export interface PeerModes {
  readonly mode: PeerMode;
  /** Ports of the workload (not of its Services) with a mode of their own. */
  readonly ports: ReadonlyMap<number, PeerMode>;
  /** What decided, the narrowest first. */
  readonly origins: readonly Origin[];
}

/** The mode of one port. */
export function modeOfPort(modes: PeerModes, port: number): PeerMode {
  return modes.ports.get(port) ?? modes.mode;
}
