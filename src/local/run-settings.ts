import type { PlatformParts } from './parts.ts';
import type { DataPlane } from './resources/desired.ts';
import type { RunPaths } from './state.ts';
import type { Way } from './way.ts';

// What a run is told. Plain data, since it crosses from the process outside to the one inside.

export interface RunSettings {
  readonly way: Way;
  /** The user's folder, as given. */
  readonly dir: string;
  readonly dataPlane: DataPlane;
  readonly paths: RunPaths;
  /** On 127.0.0.1 of the machine. */
  readonly gatewayPort: number;
  readonly dashboardPort: number;
  /** Whatever the maker of the parts wants to be told inside. */
  readonly extra: Readonly<Record<string, string>>;
}

/** Where the control plane is to serve the dashboard and API: host and port as seen by the platform's own processes. */
export function dashboardAddress({ way, dashboardPort }: RunSettings): {
  readonly host: string;
  readonly port: number;
} {
  return { host: '127.0.0.1', port: way === 'shared' ? dashboardPort : INSIDE_DASHBOARD_PORT };
}

const INSIDE_DASHBOARD_PORT = 20_001;

/** Makes the programs to run, in the process that runs the platform: inside, where there is an inside. */
export type MakeParts = (settings: RunSettings) => Promise<PlatformParts>;
