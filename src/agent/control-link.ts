import type { Clock, Timer } from '../lib/clock.ts';
import {
  type DeltaRequest,
  type DeltaResponse,
  decodeDeltaResponse,
  encodeDeltaRequest,
} from '../xds/delta-messages.ts';
import type { AdsCall, ControlChannel } from './control-channel.ts';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 1000;

/** What a link to the control plane is made of, and who hears of it. */
export interface ControlLinkOptions {
  /** Throws where token or roots cannot be read. */
  readonly openChannel: () => ControlChannel;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: (line: string) => void;
  /** A new stream: what is sent waits until there is a connection. */
  readonly onOpened: () => void;
  readonly onResponse: (response: DeltaResponse) => void;
  /** The stream is lost, or could not be had; another one follows. */
  readonly onLost: () => void;
}

/** A delta ADS stream to the control plane that is opened again whenever it is lost, at the latest every second. */
export class ControlLink {
  readonly #options: ControlLinkOptions;
  #channel: ControlChannel | undefined;
  #call: AdsCall | undefined;
  #retry: Timer | undefined;
  /** Since the last response. */
  #failures = 0;
  #isOver = false;

  constructor(options: ControlLinkOptions) {
    this.#options = options;
  }

  open(): void {
    let call: AdsCall;
    try {
      this.#channel = this.#options.openChannel();
      call = this.#channel.ads();
    } catch (error) {
      this.#lost((error as Error).message);
      return;
    }
    this.#call = call;
    call.on('data', (bytes: Buffer) => {
      if (this.#call === call) this.#receive(bytes);
    });
    call.on('error', () => {}); // the status says it
    call.on('status', ({ details, code }) => {
      if (this.#call === call) this.#lost(`${details} (${code})`);
    });
    this.#options.onOpened();
  }

  /** Without effect while there is no stream: a new one starts from the beginning. */
  send(request: DeltaRequest): void {
    this.#call?.write(encodeDeltaRequest(request));
  }

  end(): void {
    this.#isOver = true;
    this.#retry?.cancel();
    this.#call?.cancel();
    this.#channel?.close();
  }

  #receive(bytes: Buffer): void {
    if (this.#failures > 0) this.#options.log('the control plane answers');
    this.#failures = 0;
    const response = readResponse(bytes);
    if (response === undefined) this.#call?.cancel();
    else this.#options.onResponse(response);
  }

  #lost(reason: string): void {
    this.#call = undefined;
    this.#channel?.close();
    if (this.#isOver) return;
    const { log, onLost, clock, random } = this.#options;
    if (this.#failures === 0) log(`the control plane is away: ${reason}`);
    const ceilingMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    this.#retry = clock.setTimeout(() => this.open(), ceilingMs / 2 + (ceilingMs / 2) * random());
    onLost();
  }
}

/** Undefined where the bytes are no response. */
function readResponse(bytes: Uint8Array): DeltaResponse | undefined {
  try {
    return decodeDeltaResponse(bytes);
  } catch {
    return undefined;
  }
}
