import type { EventStyle } from '../../local/events.ts';
import type { Way } from '../../local/way.ts';

/** The flags of `weft up`. */
export interface UpOptions {
  readonly gatewayPort: number;
  readonly gatewayTlsPort?: number;
  readonly dashboardPort: number;
  /** Who may read the API without a token: everybody on this machine, or nobody. */
  readonly apiAuth?: 'loopback' | 'required';
  readonly dataPlane: 'weft' | 'envoy';
  /** `--envoy FILE` */
  readonly envoy?: string;
  readonly platform?: Way;
  readonly load: number;
  readonly loadPath: string;
  readonly output: 'text' | 'json';
  readonly quiet?: boolean;
  /** Started by ourselves, inside the enclosure. */
  readonly inside?: boolean;
}

/** How events are shown. */
export function eventStyle({ output, quiet }: UpOptions): EventStyle {
  if (output === 'json') return 'json';
  return quiet === true ? 'quiet' : 'text';
}
