import { specKind } from '../kind.ts';
import type { SpecObject } from '../object.ts';
import { type Infer, message, text } from '../schema.ts';
import { checkListeners, listeners } from './shared/listeners.ts';
import { GATEWAY_API_GROUP } from './shared/names.ts';
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
  (set, report) => {
    if (set.parentRef.name === '') report.error(['parentRef', 'name'], 'the name of the Gateway is missing');
    checkRefNames(set.parentRef, report.at('parentRef'));
    checkListeners(set.listeners, report.at('listeners'));
  },
);
