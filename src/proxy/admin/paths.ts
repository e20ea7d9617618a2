/** The admin end points of a data plane: what they are for, and how the answers of several workers become one. */
export interface AdminPath {
  readonly method: 'GET' | 'POST';
  readonly help: string;
  /** `first`: all say the same. `lines`: numbers at the ends of lines are added up. `clusters`: as lines, or JSON. */
  readonly merge: 'first' | 'lines' | 'clusters';
}

export const adminPaths: ReadonlyMap<string, AdminPath> = new Map<string, AdminPath>([
  ['/config_dump', get('the configuration in use (?include_eds)', 'first')],
  ['/clusters', get('endpoints with state and counts (?format=json)', 'clusters')],
  ['/listeners', get('listeners with their addresses (?format=json)', 'first')],
  ['/stats', get('counters, one a line', 'lines')],
  ['/stats/prometheus', get('counters as Prometheus text', 'lines')],
  ['/certs', get('certificates in use', 'first')],
  ['/drain_listeners', { method: 'POST', help: 'take nothing new, finish what is open', merge: 'first' }],
]);

function get(help: string, merge: AdminPath['merge']): AdminPath {
  return { method: 'GET', help, merge };
}
