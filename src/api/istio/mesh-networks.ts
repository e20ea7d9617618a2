import { parse } from 'yaml';
import { parseCidr } from '../../lib/cidr.ts';
import type { FieldError } from '../finding.ts';
import { withoutNulls } from '../plain.ts';
import { openReport, type Report } from '../report.ts';
import { type Infer, lenient, list, mapOf, text, uint32 } from '../schema.ts';
import { checkAgainst } from '../schema-errors.ts';

const network = lenient(
  {},
  {
    endpoints: list(lenient({}, { fromCidr: text, fromRegistry: text })),
    gateways: list(lenient({}, { registryServiceName: text, address: text, port: uint32, locality: text })),
  },
);

export const meshNetworksSchema = lenient({}, { networks: mapOf(network) });

/** Networks whose workloads cannot be called directly from others. Spec: istio.io, Mesh Networks. */
export type MeshNetworks = Infer<typeof meshNetworksSchema>;

/** Networks with what is wrong in them; where that is anything, `networks` is missing. */
export interface ParsedMeshNetworks {
  readonly networks?: MeshNetworks;
  readonly errors: readonly FieldError[];
}

/** YAML text, as it stands under the key `meshNetworks` of the ConfigMap `istio`. */
export function parseMeshNetworks(yaml: string): ParsedMeshNetworks {
  const report = openReport();
  let value: unknown;
  try {
    value = withoutNulls(parse(yaml) ?? {}, meshNetworksSchema);
  } catch (error) {
    report.error([], `this is not YAML: ${error instanceof Error ? error.message : String(error)}`);
    return { errors: report.errors };
  }
  const networks = checkAgainst(meshNetworksSchema, value, report);
  if (networks !== undefined) checkNetworks(networks, report);
  return { errors: report.errors, ...(networks && report.errors.length === 0 ? { networks } : {}) };
}

function checkNetworks({ networks = {} }: MeshNetworks, report: Report): void {
  for (const [name, { endpoints = [], gateways = [] }] of Object.entries(networks)) {
    for (const [i, { fromCidr = '', fromRegistry = '' }] of endpoints.entries()) {
      const at = report.at('networks', name, 'endpoints', i);
      if ((fromCidr === '') === (fromRegistry === ''))
        at.error([], 'say either fromCidr or fromRegistry: where the endpoints of the network are');
      else if (fromCidr !== '' && parseCidr(fromCidr) === undefined)
        at.error('fromCidr', `"${fromCidr}" is not a range of addresses, such as 192.168.0.0/16`);
    }
    for (const [i, { registryServiceName = '', address = '', port = 0 }] of gateways.entries()) {
      const at = report.at('networks', name, 'gateways', i);
      if ((registryServiceName === '') === (address === ''))
        at.error([], 'say either registryServiceName or address: where the gateway of the network is');
      if (port < 1 || port > 65_535) at.error('port', `${port} is not a port`);
    }
  }
}
