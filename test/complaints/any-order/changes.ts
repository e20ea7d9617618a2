/**
 * Applies and deletes in random order, from a seed: routes, subsets, services and gateways of one working set, each a file
 * of its own. Nothing waits for anything: a route may come before the subset or service that it names, and these may go
 * before it. What a mesh could not make up for is left out: `web` itself stays (its name is what callers resolve), and of
 * the doors' routes one that has all it names, at a gateway that is there, is always among the files.
 */

/** One change: a file that is written, or removed where there is no text. */
export interface FileChange {
  readonly file: string;
  readonly text: string | undefined;
}

/** Numbers in [0, 1). */
export type Dice = () => number;

/** Mulberry32: small, and the same everywhere. */
export function diceFrom(seed: number): Dice {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a route leads to: a subset of web, a service of its own, or web as it is. */
type Target = 'v1' | 'v2' | 'v3' | 'web-a' | 'web-b' | 'web';

const TARGETS: readonly Target[] = ['v1', 'v2', 'v3', 'web-a', 'web-b', 'web'];
const VERSIONS = ['v1', 'v2', 'v3'] as const;
const GATEWAYS = ['public-a', 'public-b'] as const;

interface Route {
  readonly gateways: readonly string[];
  readonly targets: readonly Target[];
  readonly by: 'weight' | 'header';
  readonly extra: string;
}

/** The files as they are. */
interface State {
  readonly subsets: readonly string[] | undefined;
  readonly services: ReadonlySet<string>;
  readonly gateways: ReadonlySet<string>;
  /** By name: `web` for callers in the mesh, `entry-a` and `entry-b` for the doors. */
  readonly routes: ReadonlyMap<string, Route>;
}

/** The working set, whole: what it starts from and ends with. */
const WHOLE: State = {
  subsets: VERSIONS,
  services: new Set(['web-a', 'web-b']),
  gateways: new Set(GATEWAYS),
  routes: new Map([
    ['web', { gateways: ['mesh'], targets: ['v1', 'v2', 'web-a'], by: 'weight', extra: '' }],
    ['entry-a', { gateways: GATEWAYS, targets: ['v1', 'v2', 'v3'], by: 'weight', extra: '' }],
    ['entry-b', { gateways: GATEWAYS, targets: ['web-a', 'web-b', 'v1'], by: 'header', extra: '' }],
  ]),
};

/** All files of the working set as it is when nothing is missing. */
export function wholeSet(): readonly FileChange[] {
  return [
    { file: 'service-web.yaml', text: service('web', {}, 0) },
    ...VERSIONS.slice(0, 2).map((version, i) => serviceOf(i === 0 ? 'web-a' : 'web-b', version, 0)),
    { file: 'subsets.yaml', text: destinationRule(VERSIONS, 0) },
    ...GATEWAYS.map((name) => ({ file: `${name}.yaml`, text: gateway(name, 0) })),
    ...[...WHOLE.routes].map(([name, route]) => ({
      file: `${name}.yaml`,
      text: virtualService(name, route),
    })),
  ];
}

/** So many changes from the whole set on. */
export function randomChanges(count: number, dice: Dice): readonly FileChange[] {
  const changes: FileChange[] = [];
  let state = WHOLE;
  for (let turn = 1; changes.length < count; turn++) {
    const [next, change] = attempt(state, dice, turn);
    if (!canBeAnswered(next)) continue;
    state = next;
    changes.push(change);
  }
  return changes;
}

function attempt(state: State, dice: Dice, turn: number): readonly [State, FileChange] {
  const kind = Math.floor(dice() * 10);
  if (kind < 5) return routeChange(state, dice, turn);
  if (kind < 7) return subsetChange(state, dice, turn);
  if (kind < 9) return serviceChange(state, dice, turn);
  return gatewayChange(state, dice, turn);
}

function routeChange(state: State, dice: Dice, turn: number): readonly [State, FileChange] {
  const name = pick(['web', 'entry-a', 'entry-b'], dice);
  const file = `${name}.yaml`;
  const routes = new Map(state.routes);
  if (routes.has(name) && dice() < 0.35) {
    routes.delete(name);
    return [
      { ...state, routes },
      { file, text: undefined },
    ];
  }
  const route = {
    gateways: name === 'web' ? ['mesh'] : pick([GATEWAYS, ['public-a'], ['public-b']], dice),
    targets: some(TARGETS, dice),
    by: dice() < 0.5 ? 'weight' : 'header',
    extra: pick(
      ['', 'timeout: 9s', 'retries: {attempts: 3}', `headers: {request: {set: {x-turn: "${turn}"}}}`],
      dice,
    ),
  } as const;
  routes.set(name, route);
  return [
    { ...state, routes },
    { file, text: virtualService(name, route) },
  ];
}

function subsetChange(state: State, dice: Dice, turn: number): readonly [State, FileChange] {
  const file = 'subsets.yaml';
  if (state.subsets !== undefined && dice() < 0.4)
    return [
      { ...state, subsets: undefined },
      { file, text: undefined },
    ];
  const subsets = some(VERSIONS, dice);
  return [
    { ...state, subsets },
    { file, text: destinationRule(subsets, turn) },
  ];
}

function serviceChange(state: State, dice: Dice, turn: number): readonly [State, FileChange] {
  const name = pick(['web', 'web-a', 'web-b'], dice);
  if (name === 'web') return [state, { file: 'service-web.yaml', text: service('web', {}, turn) }];
  const services = new Set(state.services);
  if (services.delete(name) && dice() < 0.6)
    return [
      { ...state, services },
      { file: `${name}.yaml`, text: undefined },
    ];
  services.add(name);
  return [{ ...state, services }, serviceOf(name, pick(VERSIONS, dice), turn)];
}

function gatewayChange(state: State, dice: Dice, turn: number): readonly [State, FileChange] {
  const name = pick(GATEWAYS, dice);
  const file = `${name}.yaml`;
  const gateways = new Set(state.gateways);
  if (gateways.delete(name) && dice() < 0.5)
    return [
      { ...state, gateways },
      { file, text: undefined },
    ];
  gateways.add(name);
  return [
    { ...state, gateways },
    { file, text: gateway(name, turn) },
  ];
}

/** Some route of the doors has all that it names, at a gateway that is there. */
function canBeAnswered({ subsets = [], services, gateways, routes }: State): boolean {
  const has = (target: Target): boolean =>
    target === 'web' || services.has(target) || subsets.includes(target);
  return ['entry-a', 'entry-b'].some((name) => {
    const route = routes.get(name);
    return route?.targets.every(has) === true && route.gateways.some((one) => gateways.has(one));
  });
}

function pick<T>(list: readonly T[], dice: Dice): T {
  return list[Math.floor(dice() * list.length)] as T;
}

/** At least one of them, in their order. */
function some<T>(list: readonly T[], dice: Dice): readonly T[] {
  const found = list.filter(() => dice() < 0.45);
  return found.length > 0 ? found : [pick(list, dice)];
}

function serviceOf(name: string, version: string, turn: number): FileChange {
  return { file: `${name}.yaml`, text: service(name, { version }, turn) };
}

/** `turn` changes what does not matter to callers: a label, a second port, how the target port is named. */
function service(name: string, selector: Readonly<Record<string, string>>, turn: number): string {
  const more = turn % 3 === 1 ? ', {name: http-more, port: 9081, targetPort: 9080}' : '';
  return `apiVersion: v1
kind: Service
metadata: {name: ${name}, labels: {turn: "${turn % 5}"}}
spec:
  selector: ${JSON.stringify({ app: 'web', ...selector })}
  ports: [{name: http, port: 9080, targetPort: ${turn % 2 === 0 ? '9080' : 'http'}}${more}]
`;
}

function destinationRule(subsets: readonly string[], turn: number): string {
  const policies = [
    'loadBalancer: {simple: ROUND_ROBIN}',
    'loadBalancer: {simple: LEAST_REQUEST}',
    'connectionPool: {tcp: {connectTimeout: 4s}}',
  ];
  return `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec:
  host: web
  trafficPolicy: {${policies[turn % policies.length]}}
  subsets:
${subsets.map((name) => `  - {name: ${name}, labels: {version: ${name}}}\n`).join('')}`;
}

function gateway(name: string, turn: number): string {
  const hosts = turn % 2 === 0 ? '"*"' : 'web.example.com, other.example.com';
  return `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ${name}}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: [${hosts}]
`;
}

function virtualService(name: string, { gateways, targets, by, extra }: Route): string {
  const share = Math.floor(100 / targets.length);
  const weights = targets.map((_, i) => (i === 0 ? 100 - share * (targets.length - 1) : share));
  const rest = extra === '' ? '' : `\n    ${extra}`;
  const weighted = `  - route:\n${targets.map((target, i) => `    - {destination: ${destination(target)}, weight: ${weights[i]}}\n`).join('')}`;
  const matched = targets.map(
    (target, i) =>
      `  - ${i === targets.length - 1 ? '' : `match: [{headers: {x-version: {exact: ${target}}}}]\n    `}route: [{destination: ${destination(target)}}]${rest}\n`,
  );
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}}
spec:
  hosts: [${name === 'web' ? 'web' : 'web.example.com'}]
  gateways: ${JSON.stringify(gateways)}
  http:
${by === 'weight' ? `${weighted.trimEnd()}${rest}\n` : matched.join('')}`;
}

function destination(target: Target): string {
  const port = 'port: {number: 9080}';
  return target.startsWith('web') ? `{host: ${target}, ${port}}` : `{host: web, subset: ${target}, ${port}}`;
}
