/** The admin end points of a data plane: what they are for, and how the answers of several workers become one. */
export interface AdminPath {
  readonly method: 'GET' | 'POST';
  readonly help: string;
  /** `first`: all say the same. `lines`: numbers at the ends of lines are added up. `clusters`: as lines, or JSON. */
  readonly merge: 'first' | 'lines' | 'clusters';
}

export const adminPaths: ReadonlyMap<string, AdminPath> = new Map<string, AdminPath>([
  ['/config_dump', get('the configuration in use (?include_eds, ?resource, ?mask, ?name_regex)', 'first')],
  ['/clusters', get('endpoints with state and counts (?format=json)', 'clusters')],
  ['/listeners', get('listeners with their addresses (?format=json)', 'first')],
  ['/stats', get('counters, one a line (?filter, ?usedonly, ?type, ?format, ?histogram_buckets)', 'lines')],
  ['/stats/prometheus', get('counters as Prometheus text', 'lines')],
  ['/certs', get('certificates in use', 'first')],
  ['/drain_listeners', post('take nothing new, finish what is open (?graceful, ?inboundonly)')],
  ['/healthcheck/fail', post('say that this proxy is leaving')],
  ['/healthcheck/ok', post('take that back')],
  ['/reopen_logs', post('open the files of access logs again')],
  ['/logging', post("the own log's level (?level=)")],
]);

function post(help: string): AdminPath {
  return { method: 'POST', help, merge: 'first' };
}

function get(help: string, merge: AdminPath['merge']): AdminPath {
  return { method: 'GET', help, merge };
}
