import type { Origin } from './origin.ts';

/** What a workload takes at a port: TLS of mesh peers only, both, or plain text only. */
export type PeerMode = 'strict' | 'permissive' | 'disable';

/** The modes that hold for one workload. */
export interface PeerModes {
  readonly mode: PeerMode;
  /** Ports of the workload (not of its Services) with a mode of their own. */
  readonly ports: ReadonlyMap<number, PeerMode>;
  /** All that have a say, the narrowest first. */
  readonly origins: readonly Origin[];
  /** What decided about `mode`; undefined where it is the default. */
  readonly decidedBy: Origin | undefined;
  /** What selects the workload itself; it decided about `ports`. */
  readonly own: Origin | undefined;
}

/** The mode of one port. */
export function modeOfPort(modes: PeerModes, port: number): PeerMode {
  return modes.ports.get(port) ?? modes.mode;
}

/** What decided about the mode of one port. */
export function deciderOfPort(modes: PeerModes, port: number): Origin | undefined {
  return modes.ports.has(port) ? modes.own : modes.decidedBy;
}
