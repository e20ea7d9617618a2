/** What no TrafficTest shows, and why. */
export const DESTINATION_RULE: Readonly<Record<string, string>> = {
  'trafficPolicy.tls.caCrl':
    'nothing that tests call is ever revoked: what the proxies make of a list is shown by src/proxy/configure/revocation.test.ts',
};
