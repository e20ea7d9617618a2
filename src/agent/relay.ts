import { createDeltaClient, type DeltaClient, type DeltaUpdate } from '../xds/delta-client.ts';
import { type DeltaRequest, type DeltaResponse, WILDCARD } from '../xds/delta-messages.ts';
import { createDeltaServer, type DeltaServer } from '../xds/delta-server.ts';
import { ON_DEMAND, parseClusterName } from '../xds/names.ts';
import { type Node, typeUrls } from '../xds/resources.ts';
import type { Push, Sendable } from '../xds/sendable.ts';
import { type ServedType, standing } from '../xds/served-type.ts';
import { type Held, passOn } from './held.ts';
import { TRUST_BUNDLE } from './own-secrets.ts';
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
  /**
   * The trust bundle as it came with the certificate, for as long as the control plane has told none. What the control
   * plane tells is newer: it is asked for whether or not the Envoy wants it.
   */
  readonly ownBundle?: () => Sendable | undefined;
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
  /** The trust bundle that the control plane has told (now, or before it went away). */
  trustBundle(): Sendable | undefined;
  /** Whether the Envoy uses the agent's own secrets as they are now, as far as it wants them. */
  usesOwn(): boolean;
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
  return new BothEnds(options);
}

class BothEnds implements Relay {
  readonly #held: Held;
  readonly #own: RelayOptions['own'];
  readonly #ownBundle: NonNullable<RelayOptions['ownBundle']>;
  readonly #server: DeltaServer;
  readonly #client: DeltaClient;
  /** What the Envoy should use. */
  readonly #offered = new Map<string, Map<string, Sendable>>();
  readonly #pending = new Map<string, Pending[]>();
  /** The last words of the Envoy about a type. */
  readonly #reasons = new Map<string, string>();
  readonly #questions = createQuestions();
  /** Clusters that the Envoy before this stream had asked for, each by its name. */
  readonly #askedBefore: readonly string[];
  /** The Envoy has just come and the control plane may yet tell what is new: nothing is served from what is held. */
  #isPatient = true;
  #heldChanged = false;
  #version = '';

  constructor({ held, own, ownBundle, node, streamId, maxSubscriptions }: RelayOptions) {
    this.#held = held;
    this.#own = own;
    this.#ownBundle = ownBundle ?? (() => undefined);
    this.#server = createDeltaServer({
      streamId,
      ...(maxSubscriptions !== undefined && { maxSubscriptions }),
    });
    this.#client = createDeltaClient(node);
    this.#askedBefore = isOnDemand(node) ? [...held.of(typeUrls.cluster).keys()].filter(isOfService) : [];
    // There is no stream yet: it is asked for with the first request.
    if (ownBundle !== undefined) this.#client.subscribe(typeUrls.secret, [TRUST_BUNDLE]);
    for (const typeUrl of held.types()) {
      this.#offered.set(typeUrl, new Map(held.of(typeUrl)));
      for (const { name, version } of held.of(typeUrl).values()) this.#client.restore(typeUrl, name, version);
    }
  }

  envoyAsks(request: DeltaRequest, nowMs: number): RelayOutput {
    const events = this.#server.receive(request);
    const excess = events.find((event) => event.kind === 'excess')?.message;
    if (excess !== undefined) return { ...nothing, excess };
    const refusals = events
      .filter((event) => event.kind === 'refused')
      .map(({ typeUrl, error }) => ({ typeUrl, message: error.message }));
    for (const { typeUrl, message } of refusals) this.#reasons.set(typeUrl, message);
    const type = this.#server.types().get(request.typeUrl);
    const isNew = events.some((event) => event.kind === 'subscribed');
    const requests = type !== undefined && isNew ? this.#follow(type) : [];
    this.#offer();
    return { ...this.#output(nowMs, requests), refusals };
  }

  controlOpened(nowMs: number): RelayOutput {
    this.#questions.clear();
    const requests = this.#ask(this.#client.open());
    this.#offer();
    return this.#output(nowMs, requests);
  }

  controlAnswers(response: DeltaResponse, nowMs: number): RelayOutput {
    const update = this.#client.receive(response);
    if (update === undefined) return nothing;
    const { typeUrl, removed } = update;
    this.#questions.answered(response);
    this.#version = update.systemVersion;
    const resources = update.resources.map(passOn);
    const type = this.#offeredOf(typeUrl);
    const again = resources.filter(({ name, version }) => type.get(name)?.version === version);
    for (const one of resources) type.set(one.name, one);
    for (const name of removed) type.delete(name);
    this.#pending.set(typeUrl, [...(this.#pending.get(typeUrl) ?? []), { update, resources }]);
    this.#offer();
    const names = again.map(({ name }) => name);
    this.#server.resend(typeUrl, names);
    return this.#output(nowMs);
  }

  controlLost(nowMs: number): RelayOutput {
    this.#client.lost();
    this.#questions.clear();
    return this.patienceEnded(nowMs);
  }

  patienceEnded(nowMs: number): RelayOutput {
    this.#isPatient = false;
    return this.ownChanged(nowMs);
  }

  ownChanged(nowMs: number): RelayOutput {
    this.#offer();
    return this.#output(nowMs);
  }

  tick(nowMs: number): RelayOutput {
    return this.#output(nowMs);
  }

  wakeAtMs(): number | undefined {
    return this.#server.wakeAtMs();
  }

  trustBundle(): Sendable | undefined {
    return this.#offered.get(typeUrls.secret)?.get(TRUST_BUNDLE);
  }

  usesOwn(): boolean {
    const type = this.#server.types().get(typeUrls.secret);
    if (type === undefined) return true;
    return [...this.#own].every(([name, own]) => {
      const secret = own();
      return !type.names.has(name) || (secret !== undefined && standing(type, secret) === 'live');
    });
  }

  #offer(): void {
    this.#server.offer({
      version: this.#version,
      all: (typeUrl) => [...this.#offeredOf(typeUrl).values()],
      named: (typeUrl, names) =>
        [...names].map((name) => this.#find(typeUrl, name)).filter((one) => one !== undefined),
      awaits: (typeUrl, name) => this.#awaits(typeUrl, name),
    });
  }

  #offeredOf(typeUrl: string): Map<string, Sendable> {
    const known = this.#offered.get(typeUrl) ?? new Map<string, Sendable>();
    this.#offered.set(typeUrl, known);
    return known;
  }

  #ownSecret(typeUrl: string, name: string): (() => Sendable | undefined) | undefined {
    return typeUrl === typeUrls.secret ? this.#own.get(name) : undefined;
  }

  #find(typeUrl: string, name: string): Sendable | undefined {
    const found = this.#ownSecret(typeUrl, name)?.() ?? this.#offeredOf(typeUrl).get(name);
    return found ?? (isTrustBundle(typeUrl, name) ? this.#ownBundle() : undefined);
  }

  /** Whether nothing may be said of a name yet. */
  #awaits(typeUrl: string, name: string): boolean {
    const own = this.#ownSecret(typeUrl, name);
    if (own !== undefined) return own() === undefined;
    if (isTrustBundle(typeUrl, name) && !this.#isPatient && this.#ownBundle() !== undefined) return false;
    const questions = this.#questions;
    if (this.#isPatient || questions.hasHeard(typeUrl)) return questions.isOpen(typeUrl, name);
    // The control plane is away: nothing may be said to be gone. The Envoy may hold what we do not.
    return name === WILDCARD ? !this.#held.isKnown(typeUrl) : !this.#offeredOf(typeUrl).has(name);
  }

  #ask(requests: readonly DeltaRequest[]): readonly DeltaRequest[] {
    for (const request of requests) this.#questions.note(request);
    return requests;
  }

  /** Makes the subscriptions towards the control plane those of the Envoy. */
  #follow(type: ServedType): readonly DeltaRequest[] {
    const { typeUrl } = type;
    const wanted = new Set([...type.names].filter((name) => this.#ownSecret(typeUrl, name) === undefined));
    if (type.wildcard) wanted.add(WILDCARD);
    // An Envoy that has restarted gets what it had at once, and does not ask: it would be taken away again.
    if (typeUrl === typeUrls.cluster && type.wildcard) for (const name of this.#askedBefore) wanted.add(name);
    if (typeUrl === typeUrls.secret && this.#client.subscriptions(typeUrl).has(TRUST_BUNDLE))
      wanted.add(TRUST_BUNDLE);
    const dropped = [...this.#client.subscriptions(typeUrl)].filter((name) => !wanted.has(name));
    const subscribed = this.#ask(this.#client.subscribe(typeUrl, [...wanted]));
    const requests = [...subscribed, ...this.#client.unsubscribe(typeUrl, dropped)];
    if (!type.wildcard) for (const name of dropped) this.#forget(typeUrl, name);
    return requests;
  }

  #forget(typeUrl: string, name: string): void {
    this.#offered.get(typeUrl)?.delete(name);
    this.#held.drop(typeUrl, name);
  }

  /** Everything that follows from an input: what Envoy gets, what the control plane is told. */
  #output(nowMs: number, first: readonly DeltaRequest[] = []): RelayOutput {
    const toEnvoy = [...this.#server.next(nowMs)];
    const toControl = [...first];
    // Answering may restore something, which is sent, and so on; an update is answered once, so this ends.
    for (let count = this.#pending.size; count > 0; ) {
      toControl.push(...this.#settle());
      toEnvoy.push(...this.#server.next(nowMs));
      if (this.#pending.size === count) break;
      count = this.#pending.size;
    }
    const heldChanged = this.#heldChanged;
    this.#heldChanged = false;
    return { toEnvoy, toControl, heldChanged, refusals: [] };
  }

  /** Answers the updates that the Envoy is through with. */
  #settle(): readonly DeltaRequest[] {
    const requests: DeltaRequest[] = [];
    for (const [typeUrl, updates] of this.#pending) {
      const type = this.#server.types().get(typeUrl);
      if (type !== undefined && (type.outstanding !== undefined || type.dirty)) continue;
      this.#pending.delete(typeUrl);
      for (const one of updates) requests.push(...this.#answer(one, type));
    }
    return requests;
  }

  #answer({ update, resources }: Pending, type: ServedType | undefined): readonly DeltaRequest[] {
    const { typeUrl } = update;
    const isRefused = ({ name, version }: Sendable): boolean => type?.refused.get(name) === version;
    const refused = resources.filter(isRefused).map(({ name }) => name);
    this.#heldChanged = true;
    this.#held.know(typeUrl);
    for (const one of resources) if (!isRefused(one)) this.#keep(typeUrl, one);
    for (const name of update.removed) this.#held.drop(typeUrl, name);
    if (refused.length === 0) return this.#client.accept(update);
    for (const name of refused) this.#restoreLastGood(typeUrl, name);
    this.#offer();
    const reason = this.#reasons.get(typeUrl) ?? `refused: ${refused.join(', ')}`;
    return this.#client.reject(update, reason, refused);
  }

  /** What was unsubscribed meanwhile is not in use. */
  #keep(typeUrl: string, one: Sendable): void {
    if (this.#offeredOf(typeUrl).has(one.name)) this.#held.put(typeUrl, one);
  }

  #restoreLastGood(typeUrl: string, name: string): void {
    const good = this.#held.of(typeUrl).get(name);
    if (good === undefined) this.#offeredOf(typeUrl).delete(name);
    else this.#offeredOf(typeUrl).set(name, good);
  }
}

/** Whether its wildcard brings it a part only of what it may get. */
function isOnDemand({ metadata }: Node): boolean {
  return metadata?.[ON_DEMAND] !== undefined;
}

function isOfService(cluster: string): boolean {
  return parseClusterName(cluster)?.direction === 'outbound';
}

function isTrustBundle(typeUrl: string, name: string): boolean {
  return typeUrl === typeUrls.secret && name === TRUST_BUNDLE;
}

const nothing: RelayOutput = { toEnvoy: [], toControl: [], heldChanged: false, refusals: [] };
