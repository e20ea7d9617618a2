import { createDeltaClient, type DeltaUpdate } from '../xds/delta-client.ts';
import { type DeltaRequest, type DeltaResponse, WILDCARD } from '../xds/delta-messages.ts';
import { createDeltaServer } from '../xds/delta-server.ts';
import { type Node, typeUrls } from '../xds/resources.ts';
import type { Push, Sendable } from '../xds/sendable.ts';
import type { ServedType, Snapshot } from '../xds/served-type.ts';
import { type Held, passOn } from './held.ts';
import { createQuestions } from './questions.ts';

/** What a relay between one stream of an Envoy and the control plane is made of. */
export interface RelayOptions {
  readonly streamId: string;
  /** As the Envoy says. */
  readonly node: Node;
  /** What this Envoy used last; kept up to date with what it accepts. */
  readonly held: Held;
  /** The secrets that the agent makes itself, by name; undefined while one is not there yet. */
  readonly own: ReadonlyMap<string, () => Sendable | undefined>;
  readonly maxSubscriptions?: number;
}

/** What has to be sent. */
export interface RelayOutput {
  readonly toEnvoy: readonly Push[];
  readonly toControl: readonly DeltaRequest[];
  /** Why the Envoy's stream has to be ended. */
  readonly excess?: string;
  /** `held` has changed. */
  readonly heldChanged: boolean;
  /** Refusals of the Envoy, to be logged. */
  readonly refusals: readonly { readonly typeUrl: string; readonly message: string }[];
}

/**
 * One Envoy stream with both ends of delta ADS back to back, without I/O. An update is accepted towards the control plane
 * when the Envoy has accepted it; what it refuses is refused with its words. While the control plane is away the Envoy gets
 * what it used last.
 */
export interface Relay {
  envoyAsks(request: DeltaRequest, nowMs: number): RelayOutput;
  controlOpened(nowMs: number): RelayOutput;
  controlAnswers(response: DeltaResponse, nowMs: number): RelayOutput;
  /** The control plane cannot be reached, or is lost: what is held is served. */
  controlLost(nowMs: number): RelayOutput;
  /** The control plane takes long: what is held is served until it answers. */
  patienceEnded(nowMs: number): RelayOutput;
  /** A secret of the agent's own has changed. */
  ownChanged(nowMs: number): RelayOutput;
  /** Time has passed. */
  tick(nowMs: number): RelayOutput;
  wakeAtMs(): number | undefined;
}

/** An update that the Envoy has not answered yet. */
interface Pending {
  readonly update: DeltaUpdate;
  readonly resources: readonly Sendable[];
}

/** A relay for an Envoy that has just connected; the control plane is not reached yet. */
export function createRelay(options: RelayOptions): Relay {
  const { held, own } = options;
  const { streamId, maxSubscriptions } = options;
  const server = createDeltaServer({ streamId, ...(maxSubscriptions !== undefined && { maxSubscriptions }) });
  const client = createDeltaClient(options.node);
  /** What the Envoy should use. */
  const offered = new Map<string, Map<string, Sendable>>();
  const pending = new Map<string, Pending[]>();
  const reasons = new Map<string, string>();
  const questions = createQuestions();
  /** The Envoy has just come and the control plane may yet tell what is new: nothing is served from what is held. */
  let isPatient = true;
  let heldChanged = false;
  let version = '';
  for (const typeUrl of held.types()) {
    offered.set(typeUrl, new Map(held.of(typeUrl)));
    for (const one of held.of(typeUrl).values()) client.restore(typeUrl, one.name, one.version);
  }

  const offeredOf = (typeUrl: string): Map<string, Sendable> => {
    const known = offered.get(typeUrl) ?? new Map<string, Sendable>();
    offered.set(typeUrl, known);
    return known;
  };
  const ownSecret = (typeUrl: string, name: string) =>
    typeUrl === typeUrls.secret ? own.get(name) : undefined;
  const snapshot = (): Snapshot => ({
    version,
    all: (typeUrl) => [...offeredOf(typeUrl).values()],
    named: (typeUrl, names) =>
      [...names]
        .map((name) => ownSecret(typeUrl, name)?.() ?? offeredOf(typeUrl).get(name))
        .filter((one) => one !== undefined),
    awaits(typeUrl, name) {
      const make = ownSecret(typeUrl, name);
      if (make !== undefined) return make() === undefined;
      if (isPatient || questions.hasHeard(typeUrl)) return questions.isOpen(typeUrl, name);
      // The control plane is away: nothing may be said to be gone. The Envoy may hold what we do not.
      return name === WILDCARD ? !held.isKnown(typeUrl) : !offeredOf(typeUrl).has(name);
    },
  });
  const ask = (requests: readonly DeltaRequest[]): readonly DeltaRequest[] => {
    for (const request of requests) questions.note(request);
    return requests;
  };
  /** Makes the subscriptions towards the control plane those of the Envoy. */
  const follow = (type: ServedType): readonly DeltaRequest[] => {
    const { typeUrl } = type;
    const wanted = new Set([...type.names].filter((name) => ownSecret(typeUrl, name) === undefined));
    if (type.wildcard) wanted.add(WILDCARD);
    const dropped = [...client.subscriptions(typeUrl)].filter((name) => !wanted.has(name));
    const requests = [
      ...ask(client.subscribe(typeUrl, [...wanted])),
      ...client.unsubscribe(typeUrl, dropped),
    ];
    for (const name of dropped) forget(typeUrl, name);
    return requests;
  };
  const forget = (typeUrl: string, name: string): void => {
    if (client.subscriptions(typeUrl).has(WILDCARD)) return;
    offered.get(typeUrl)?.delete(name);
    held.drop(typeUrl, name);
  };
  /** Answers the updates that the Envoy is through with. */
  const settle = (): readonly DeltaRequest[] => {
    const requests: DeltaRequest[] = [];
    for (const [typeUrl, updates] of pending) {
      const type = server.types().get(typeUrl);
      if (type !== undefined && (type.outstanding !== undefined || type.dirty)) continue;
      pending.delete(typeUrl);
      for (const one of updates) requests.push(...answer(one, type));
    }
    return requests;
  };
  const answer = ({ update, resources }: Pending, type: ServedType | undefined): readonly DeltaRequest[] => {
    const { typeUrl } = update;
    heldChanged = true;
    held.know(typeUrl);
    const refused = resources.filter(({ name, version: v }) => type?.refused.get(name) === v);
    for (const one of resources) if (!refused.includes(one)) keep(typeUrl, one);
    for (const name of update.removed) held.drop(typeUrl, name);
    for (const { name } of refused) restoreLastGood(typeUrl, name);
    if (refused.length === 0) return client.accept(update);
    const names = refused.map(({ name }) => name);
    return client.reject(update, reasons.get(typeUrl) ?? `refused: ${names.join(', ')}`, names);
  };
  const keep = (typeUrl: string, one: Sendable): void => {
    if (offeredOf(typeUrl).has(one.name)) held.put(typeUrl, one);
  };
  const restoreLastGood = (typeUrl: string, name: string): void => {
    const good = held.of(typeUrl).get(name);
    if (good === undefined) offeredOf(typeUrl).delete(name);
    else offeredOf(typeUrl).set(name, good);
    server.offer(snapshot());
  };
  /** Everything that follows from an input: what Envoy gets, what the control plane is told. */
  const output = (
    nowMs: number,
    first: readonly DeltaRequest[],
    more: Partial<RelayOutput> = {},
  ): RelayOutput => {
    const toEnvoy = [...server.next(nowMs)];
    const toControl = [...first];
    // Answering may restore something, which is sent, and so on; an update is answered once, so this ends.
    for (let count = pending.size; count > 0; ) {
      toControl.push(...settle());
      toEnvoy.push(...server.next(nowMs));
      if (pending.size === count) break;
      count = pending.size;
    }
    const changed = heldChanged;
    heldChanged = false;
    return { toEnvoy, toControl, heldChanged: changed, refusals: [], ...more };
  };

  return {
    envoyAsks(request, nowMs) {
      const events = server.receive(request);
      const excess = events.find((event) => event.kind === 'excess')?.message;
      if (excess !== undefined) return { ...nothing, excess };
      const refusals = events.filter((event) => event.kind === 'refused');
      for (const { typeUrl, error } of refusals) reasons.set(typeUrl, error.message);
      const type = server.types().get(request.typeUrl);
      const isNew = events.some((event) => event.kind === 'subscribed');
      const requests = type !== undefined && isNew ? follow(type) : [];
      server.offer(snapshot());
      return output(nowMs, requests, {
        refusals: refusals.map(({ typeUrl, error }) => ({ typeUrl, message: error.message })),
      });
    },
    controlOpened(nowMs) {
      questions.clear();
      const requests = ask(client.open());
      server.offer(snapshot());
      return output(nowMs, requests);
    },
    controlAnswers(response, nowMs) {
      const update = client.receive(response);
      if (update === undefined) return nothing;
      const { typeUrl, removed } = update;
      questions.answered(response);
      version = update.systemVersion;
      const resources = update.resources.map(passOn);
      const type = offeredOf(typeUrl);
      const again = resources.filter((one) => type.get(one.name)?.version === one.version);
      for (const one of resources) type.set(one.name, one);
      for (const name of removed) type.delete(name);
      pending.set(typeUrl, [...(pending.get(typeUrl) ?? []), { update, resources }]);
      server.offer(snapshot());
      server.resend(
        typeUrl,
        again.map(({ name }) => name),
      );
      return output(nowMs, []);
    },
    controlLost(nowMs) {
      isPatient = false;
      client.lost();
      questions.clear();
      server.offer(snapshot());
      return output(nowMs, []);
    },
    patienceEnded(nowMs) {
      isPatient = false;
      server.offer(snapshot());
      return output(nowMs, []);
    },
    ownChanged(nowMs) {
      server.offer(snapshot());
      return output(nowMs, []);
    },
    tick: (nowMs) => output(nowMs, []),
    wakeAtMs: () => server.wakeAtMs(),
  };
}

const nothing: RelayOutput = { toEnvoy: [], toControl: [], heldChanged: false, refusals: [] };
