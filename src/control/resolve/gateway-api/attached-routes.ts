import type { HttpRule } from '../../../mesh/route.ts';
import { type Age, compareAge } from '../../../mesh/service.ts';
import { originOf, step } from '../world.ts';
import { type Attachment, parentsOf, routeKey } from './parents.ts';
import { type RouteKind, routeKinds, routesOf } from './route-kinds.ts';
import { type RouteRules, routeRules } from './route-rules.ts';

/** One route at one of the places that it is attached to. */
export interface AttachedRoute<A extends Attachment = Attachment> {
  readonly kind: RouteKind;
  readonly namespace: string;
  readonly name: string;
  readonly age: Age;
  readonly origin: HttpRule['origin'];
  readonly rules: RouteRules;
  readonly attachment: A;
}

type At<T extends Attachment['type']> = AttachedRoute<Extract<Attachment, { type: T }>>;

/** Everything that is attached somewhere: per listener (by its id), and per service (by hostname), the oldest first. */
export interface Attached {
  readonly byListener: ReadonlyMap<string, readonly At<'listener'>[]>;
  readonly byService: ReadonlyMap<string, readonly At<'service'>[]>;
}

export const attachedRoutes = step('attached routes', (read): Attached => {
  const all = routeKinds
    .flatMap((kind) =>
      routesOf(read, kind).flatMap((route): AttachedRoute[] => {
        const key = routeKey(kind, route);
        const rules = read.of(routeRules, key).value;
        if (rules === undefined) return [];
        const { namespace, name } = route.key;
        const base = { kind, namespace, name, age: rules.age, origin: originOf(route), rules };
        return read
          .of(parentsOf, key)
          .flatMap(({ attachments }) => attachments.map((attachment) => ({ ...base, attachment })));
      }),
    )
    .sort((a, b) => compareAge(a.age, b.age));
  const byListener = new Map<string, At<'listener'>[]>();
  const byService = new Map<string, At<'service'>[]>();
  for (const route of all) {
    const { attachment } = route;
    if (attachment.type === 'listener') push(byListener, attachment.listener.id, { ...route, attachment });
    else push(byService, attachment.host, { ...route, attachment });
  }
  return { byListener, byService };
});

function push<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
