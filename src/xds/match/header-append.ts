import type { VirtualHost } from '../resources.ts';

/** config.core.v3.HeaderValueOption. */
export type HeaderValueOption = NonNullable<VirtualHost['request_headers_to_add']>[number];

/** What an addition does where the header is there already, and where it is not. */
export type AppendAction = 'append' | 'add-if-absent' | 'overwrite-or-add' | 'overwrite';

const ACTIONS: Readonly<Record<string, AppendAction>> = {
  APPEND_IF_EXISTS_OR_ADD: 'append',
  ADD_IF_ABSENT: 'add-if-absent',
  OVERWRITE_IF_EXISTS_OR_ADD: 'overwrite-or-add',
  OVERWRITE_IF_EXISTS: 'overwrite',
};

/** The action; the older `append` counts where it is set. */
export function appendAction({ append, append_action }: HeaderValueOption): AppendAction {
  return ACTIONS[append_action ?? (append === false ? 'OVERWRITE_IF_EXISTS_OR_ADD' : '')] ?? 'append';
}

/** What to do: a further line, one in place of all there are, or nothing. */
export function effectOf(action: AppendAction, present: boolean): 'add' | 'replace' | 'nothing' {
  if (action === 'append') return 'add';
  if (present) return action === 'add-if-absent' ? 'nothing' : 'replace';
  return action === 'overwrite' ? 'nothing' : 'add';
}

/**
 * The order in which levels change headers, given from the narrowest to the widest: weighted cluster (where there is
 * one), route, virtual host, table. The widest has the last word, or with most_specific_header_mutations_wins the route;
 * the weighted cluster comes first either way, as in Envoy.
 */
export function levelsInOrder<T>(levels: readonly T[], specificWins: boolean): readonly T[] {
  return specificWins ? [...levels.slice(0, -3), ...levels.slice(-3).toReversed()] : levels;
}
