/** What no TrafficTest shows, and why. */
export const VIRTUAL_SERVICE: Readonly<Record<string, string>> = {
  'http.fault.delay.exponentialDelay': 'refused by validation: proxies can only wait a fixed time',
  'http.fault.abort.http2Error': 'refused by validation: proxies can only abort with a status',
};
