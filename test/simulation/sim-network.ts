/**
 * A network in one thread: every byte, end, reset and connection in flight waits in a queue until the schedule lets it
 * arrive, so that a seed decides the order of everything. Each direction keeps its order, as TCP does; pieces may be
 * cut. Back-pressure is real: a writer hears of room when what it wrote has arrived.
 */
import type { Random } from '../../src/lib/random.ts';
import type { Result } from '../../src/lib/result.ts';
import type {
  Connection,
  ConnectionHandlers,
  ConnectOptions,
  Listener,
  ListenOptions,
  NetError,
  Network,
  Side,
} from '../../src/wire/connection.ts';

type Item = Buffer | 'end' | 'reset' | 'closed';

/** More than this in flight, and write() says wait. */
const WINDOW_BYTES = 6000;

/** One end of a connection. */
export class SimConnection implements Connection {
  readonly side: Side;
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort: number;
  readonly localAddress = '127.0.0.1';
  readonly localPort = 1;
  readonly tls = undefined;
  readonly fd = -1;
  closed = false;
  peerEnded = false;
  bytesRead = 0;
  bytesWritten = 0;
  peer!: SimConnection;
  /** What is on its way to this end. */
  readonly incoming: Item[] = [];
  #handlers: ConnectionHandlers | undefined;
  #paused = false;
  #ended = false;
  #blocked = false;
  /** How often onClose was called: at most once. */
  closes = 0;
  readonly #net: SimNetwork;

  constructor(net: SimNetwork, side: Side, port: number) {
    this.#net = net;
    this.side = side;
    this.remotePort = port;
  }

  handle(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
  }
  write(bytes: Uint8Array | string): boolean {
    if (this.closed || this.#ended) return true;
    this.bytesWritten += bytes.length;
    this.peer.arrive(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes));
    this.#blocked = this.peer.waitingBytes() > WINDOW_BYTES;
    return !this.#blocked;
  }
  cork(): void {}
  uncork(): void {}
  pause(): void {
    this.#paused = true;
  }
  resume(): void {
    this.#paused = false;
  }
  end(): void {
    if (this.closed || this.#ended) return;
    this.#ended = true;
    this.peer.arrive('end');
    this.#closeIfOver();
  }
  destroy(): void {
    this.#cut('end');
  }
  reset(): void {
    this.#cut('reset');
  }

  arrive(item: Item): void {
    this.incoming.push(item);
  }
  waitingBytes(): number {
    let sum = 0;
    for (const item of this.incoming) if (typeof item !== 'string') sum += item.length;
    return sum;
  }

  /** Whether deliver() would do something. */
  get deliverable(): boolean {
    if (this.#handlers === undefined || this.incoming.length === 0) return false;
    return this.closed ? this.incoming.includes('closed') : !this.#paused || this.incoming[0] === 'reset';
  }

  /** Lets the next thing arrive, or a piece of it. */
  deliver(random: Random): void {
    const handlers = this.#handlers as ConnectionHandlers;
    if (this.closed) {
      this.incoming.length = 0;
      this.#close(undefined);
      return;
    }
    const item = this.incoming.shift() as Item;
    if (item === 'reset') {
      this.closed = true;
      this.#close(cutError(this.side));
    } else if (item === 'end') {
      this.peerEnded = true;
      handlers.onEnd();
      this.#closeIfOver();
    } else if (item !== 'closed') {
      const isWhole = (this.#net.uncut !== '' && item.includes(this.#net.uncut)) || random.below(3) > 0;
      const cut = !isWhole ? 1 + random.below(item.length) : item.length;
      if (cut < item.length) this.incoming.unshift(item.subarray(cut));
      this.bytesRead += cut;
      handlers.onData(item.subarray(0, cut));
      this.peer.heardOfRoom();
    }
  }

  heardOfRoom(): void {
    if (!this.#blocked || this.closed || this.peer.waitingBytes() > 0) return;
    this.#blocked = false;
    this.#net.later(() => {
      if (!this.closed) this.#handlers?.onDrain();
    });
  }

  #cut(how: 'end' | 'reset'): void {
    if (this.closed) return;
    this.closed = true;
    if (!this.#ended || how === 'reset') this.peer.arrive(how);
    this.incoming.push('closed');
  }
  #closeIfOver(): void {
    if (this.closed || !this.#ended || !this.peerEnded) return;
    this.closed = true;
    this.incoming.push('closed');
  }
  #close(error: NetError | undefined): void {
    this.closes++;
    this.#net.forget(this);
    this.#handlers?.onClose(error);
  }
}

export class SimNetwork implements Network {
  readonly #random: Random;
  readonly #open = new Set<SimConnection>();
  #later: (() => void)[] = [];
  #onConnection: ((connection: Connection) => void) | undefined;
  /** A buffer with this in it arrives whole. */
  uncut = '';
  /** Who serves the upstream end of what the proxy dials; undefined refuses. */
  onDial: (connection: SimConnection, port: number) => boolean = () => false;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Ends of connections that are not closed on the given side. */
  openOn(side: Side): number {
    return [...this.#open].filter((one) => one.side === side && !one.closed).length;
  }

  /** A client's end of a new connection to the proxy. */
  dialProxy(): SimConnection {
    const [theirs, ours] = this.#pair('internal', 'downstream', 5000);
    this.#onConnection?.(ours);
    return theirs;
  }

  async listen(options: ListenOptions): Promise<Result<Listener, NetError>> {
    this.#onConnection = options.onConnection;
    return { ok: true, value: { address: '127.0.0.1', port: 1, close: async () => {} } };
  }

  connect(options: ConnectOptions): Promise<Result<Connection, NetError>> {
    return new Promise((resolve) => {
      this.later(() => {
        const [theirs, ours] = this.#pair('internal', 'upstream', options.port ?? 0);
        if (this.onDial(theirs, options.port ?? 0)) resolve({ ok: true, value: ours });
        else {
          this.forget(theirs);
          this.forget(ours);
          resolve({
            ok: false,
            error: { ...cutError('upstream'), code: 'connection_refused', retryable: true },
          });
        }
      });
    });
  }

  later(run: () => void): void {
    this.#later.push(run);
  }
  forget(connection: SimConnection): void {
    this.#open.delete(connection);
  }

  /** One arrival, whichever the random source picks; false where nothing is on its way. */
  step(): boolean {
    const ready = [...this.#open].filter((one) => one.deliverable);
    const count = ready.length + this.#later.length;
    if (count === 0) return false;
    const chosen = this.#random.below(count);
    if (chosen < ready.length) (ready[chosen] as SimConnection).deliver(this.#random);
    else this.#later.splice(chosen - ready.length, 1)[0]?.();
    return true;
  }

  #pair(mine: Side, theirs: Side, port: number): [SimConnection, SimConnection] {
    const [a, b] = [new SimConnection(this, mine, port), new SimConnection(this, theirs, port)];
    a.peer = b;
    b.peer = a;
    this.#open.add(a).add(b);
    return [a, b];
  }

  acceptTls = (): never => unsupported();
  createTlsContext = (): never => unsupported();
  listenUdp = (): never => unsupported();
}

function unsupported(): never {
  throw new Error('not in this simulation');
}

function cutError(side: Side): NetError {
  return { code: 'connection_reset', side, retryable: false, message: 'cut', cause: 'ECONNRESET' };
}
