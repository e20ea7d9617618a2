import { typeUrls } from '../../xds/resources.ts';
import type { ListenerSet, ListenersOnDemand } from '../accept/listener-set.ts';
import { addressKey, anyAddressKey } from '../accept/listener-set.ts';
import type { SocketAddress } from '../runtime.ts';
import type { Around } from './around.ts';

/** Listeners of intercepted calls, by the address that was called: its own, else that of its port. */
export class Listeners implements ListenersOnDemand {
  readonly #around: Around;

  constructor(around: Around) {
    this.#around = around;
  }

  isKnown({ address, port }: SocketAddress): boolean {
    const set = this.#around.inUse.listeners();
    const own = this.#look(addressKey(address, port), set);
    if (own === 'there') return true;
    // Both names are asked for in one go.
    const any = this.#look(anyAddressKey(address, port), set);
    return own === 'none' && any !== undefined;
  }

  until(destination: SocketAddress, done: (known: boolean) => void): void {
    const { waits, limits } = this.#around;
    waits.until(() => this.isKnown(destination), limits.answerMs, done);
  }

  #look(name: string, set: ListenerSet): 'there' | 'none' | undefined {
    const wanted = this.#around.demand.want(typeUrls.listener, name);
    if (set.byDestination.has(name)) return 'there';
    return wanted?.state === 'absent' ? 'none' : undefined;
  }
}
