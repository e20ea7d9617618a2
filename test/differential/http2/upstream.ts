/** An HTTP/2 upstream that keeps what it gets and answers by a script of frames; which one the request says itself. */
import { createServer, type Server, type Socket } from 'node:net';
import { FLAG, FRAME } from '../../../src/wire/http2/protocol.ts';
import { PROBE_BODY, PROBE_PATH } from '../recording-upstream.ts';
import { encodeFrame, type Frame, type Heard, Peer } from './frames.ts';

export interface FrameAnswer {
  readonly frames: readonly Frame[];
  /** As soon as the request's head is there; otherwise when the request is complete. */
  readonly early?: boolean;
  /** What happens to the connection after the frames; default `keep`. */
  readonly after?: 'keep' | 'end' | 'reset';
}

/** Which answer a request wants: its number is the field's value. */
export const ANSWER_FIELD = 'x-answer';

const PROBE_ANSWER: FrameAnswer = {
  frames: [
    { stream: 1, type: FRAME.HEADERS, flags: FLAG.END_HEADERS, fields: [[':status', '200']] },
    { stream: 1, type: FRAME.DATA, flags: FLAG.END_STREAM, payload: PROBE_BODY },
  ],
};

export class FrameUpstream {
  readonly port: number;
  readonly #server: Server;
  readonly #peers = new Set<Peer>();
  #script: readonly FrameAnswer[] = [];
  /** Requests of the script in force. */
  #heard: Heard[] = [];
  /** Those of scripts before, and those that were answered. */
  readonly #done = new WeakSet<Heard>();
  readonly #known = new WeakSet<Heard>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
    server.on('connection', (socket: Socket) => this.#take(socket));
  }

  static async listen(): Promise<FrameUpstream> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    return new FrameUpstream(server, typeof address === 'object' && address !== null ? address.port : 0);
  }

  begin(script: readonly FrameAnswer[]): void {
    this.#script = script;
    this.#heard = [];
  }

  /** What came since begin(); requests that have no end are given some time to find one. */
  async heard(withinMs: number): Promise<readonly Heard[]> {
    const untilMs = Date.now() + withinMs;
    const isOpen = ({ end }: Heard): boolean => end === 'open';
    while (this.#heard.some(isOpen) && Date.now() < untilMs)
      await new Promise((resolve) => setTimeout(resolve, 2));
    return this.#heard;
  }

  close(): void {
    this.#server.close();
    for (const { socket } of this.#peers) socket.destroy();
  }

  #take(socket: Socket): void {
    const peer = new Peer(socket, 'server');
    this.#peers.add(peer);
    peer.onChange = (stream) => {
      if (peer.ended) this.#gone(peer);
      if (stream !== undefined) this.#hear(peer, stream);
    };
  }

  #gone(peer: Peer): void {
    this.#peers.delete(peer);
    for (const stream of peer.streams.values()) if (stream.end === 'open') stream.end = 'reset connection';
  }

  #hear(peer: Peer, stream: Heard): void {
    const head = stream.blocks[0];
    if (head === undefined || this.#done.has(stream)) return;
    const isProbe = head.some(([name, value]) => name === ':path' && value === PROBE_PATH);
    if (!this.#known.has(stream) && !isProbe) {
      this.#known.add(stream);
      this.#heard.push(stream);
    }
    const number = Number(head.find(([name]) => name === ANSWER_FIELD)?.[1] ?? 0);
    const answer = isProbe ? PROBE_ANSWER : this.#script[number];
    if (answer === undefined || (stream.end !== 'complete' && !answer.early)) return;
    this.#done.add(stream);
    const { frames, after = 'keep' } = answer;
    const bytes = frames.map((frame) => encodeFrame(frame, frame.stream === 0 ? 0 : stream.id));
    if (peer.socket.writable) peer.socket.write(Buffer.concat(bytes));
    if (after === 'end') peer.socket.end();
    if (after === 'reset') setTimeout(() => peer.socket.resetAndDestroy(), 5);
  }
}
