import { specKind } from '../kind.ts';
import type { SpecObject } from '../object.ts';
import type { Report } from '../report.ts';
import { type Infer, message, text } from '../schema.ts';
import { checkLimits } from './shared/limits.ts';
import { checkListeners, listeners } from './shared/listeners.ts';
import { EXPERIMENTAL_GROUP, GATEWAY_API_GROUP } from './shared/names.ts';
import { checkRefNames } from './shared/references.ts';

const spec = message(
  { parentRef: message({ name: text }, { group: text, kind: text, namespace: text }), listeners },
  {},
);

/** Spec of a ListenerSet: listeners that another team adds to a Gateway. */
export type ListenerSetSpec = Infer<typeof spec>;
export type ListenerSet = SpecObject<ListenerSetSpec>;

/** gateway.networking.k8s.io ListenerSet. */
export const listenerSet = specKind(
  { group: GATEWAY_API_GROUP, kind: 'ListenerSet', versions: ['v1'] },
  spec,
  checkListenerSet,
);

/** gateway.networking.x-k8s.io XListenerSet: what it was called while it was tried out. */
export const experimentalListenerSet = specKind(
  { group: EXPERIMENTAL_GROUP, kind: 'XListenerSet', versions: ['v1alpha1'] },
  spec,
  checkListenerSet,
);

function checkListenerSet(set: ListenerSetSpec, report: Report): void {
  if (set.parentRef.name === '') report.error(['parentRef', 'name'], 'the name of the Gateway is missing');
  checkRefNames(set.parentRef, report.at('parentRef'));
  checkListeners(set.listeners, report.at('listeners'));
  checkLimits(set, ['listeners'], report);
}
