import { type DeltaRequest, type DeltaResponse, WILDCARD } from '../xds/delta-messages.ts';

/** What was asked of the control plane and is not answered yet. */
export interface Questions {
  /** A request goes out. */
  note(request: DeltaRequest): void;
  answered(response: DeltaResponse): void;
  /** Whether nothing was heard of this name yet. True for all of a type before its first answer. */
  isOpen(typeUrl: string, name: string): boolean;
  /** Whether a type was answered at all. */
  hasHeard(typeUrl: string): boolean;
  /** A new stream: what was asked on the last one is asked again. */
  clear(): void;
}

/** Nothing was asked yet. */
export function createQuestions(): Questions {
  const open = new Map<string, Set<string>>();
  const heard = new Set<string>();
  /** Names in the first request of a type that came with a version: no word about them in the first answer is a yes. */
  const claimed = new Map<string, readonly string[]>();
  return {
    note({ typeUrl, subscribe, initialVersions }) {
      const names = open.get(typeUrl) ?? new Set<string>();
      open.set(typeUrl, names);
      for (const name of subscribe) names.add(name);
      if (initialVersions.size > 0)
        claimed.set(
          typeUrl,
          subscribe.filter((name) => initialVersions.has(name)),
        );
    },
    answered({ typeUrl, resources, removed }) {
      heard.add(typeUrl);
      const names = open.get(typeUrl);
      names?.delete(WILDCARD);
      for (const name of claimed.get(typeUrl) ?? []) names?.delete(name);
      claimed.delete(typeUrl);
      for (const { name } of resources) names?.delete(name);
      for (const name of removed) names?.delete(name);
    },
    isOpen: (typeUrl, name) => !heard.has(typeUrl) || (open.get(typeUrl)?.has(name) ?? false),
    hasHeard: (typeUrl) => heard.has(typeUrl),
    clear() {
      open.clear();
      claimed.clear();
      heard.clear();
    },
  };
}
