import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GrpcClient, GrpcStream } from './client.ts';
import type { GrpcStatus } from './status.ts';
import { GRPC_CODE } from './status.ts';
import type { TestServer } from './test-server.ts';
import { clientOf, PATHS, startTestServer } from './test-server.ts';

/** A chat whose events are collected. */
class Chat {
  readonly messages: string[] = [];
  readonly bytes: number[] = [];
  drains = 0;
  readonly ended: Promise<GrpcStatus>;
  readonly stream: GrpcStream;
  #end: (status: GrpcStatus) => void = () => {};
  #waiting: (() => void)[] = [];

  constructor(client: GrpcClient, timeoutMs?: number) {
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const options = timeoutMs === undefined ? {} : { timeoutMs };
    this.stream = client.stream(
      PATHS.chat,
      {
        onMessage: (message) => {
          this.bytes.push(message.length);
          if (message.length < 100) this.messages.push(Buffer.from(message).toString());
          for (const wake of this.#waiting.splice(0)) wake();
        },
        onDrain: () => {
          this.drains++;
        },
        onEnd: (status) => this.#end(status),
      },
      options,
    );
  }

  send(text: string): void {
    this.stream.send(Buffer.from(text));
  }

  async received(count: number): Promise<void> {
    while (this.bytes.length < count)
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
  }
}

describe('a bidirectional call to a grpc-js server', () => {
  let peer: TestServer;
  let client: GrpcClient;

  beforeEach(async () => {
    peer = await startTestServer();
    client = clientOf(peer.port);
  });
  afterEach(() => {
    client.close();
    peer.server.forceShutdown();
  });

  it('passes messages both ways, from before the connection stands, and ends in order', async () => {
    const chat = new Chat(client);
    chat.send('one');
    chat.send('two');
    await chat.received(2);
    chat.send('three');
    await chat.received(3);
    chat.stream.end();
    expect(await chat.ended).toEqual({ code: GRPC_CODE.OK, message: '', trailers: [] });
    expect(chat.messages).toEqual(['one', 'two', 'three']);
  });

  it('ends with the status of a server that gives up', async () => {
    const chat = new Chat(client);
    chat.send('quit');
    expect(await chat.ended).toMatchObject({ code: GRPC_CODE.ABORTED, message: 'quit was asked for' });
    expect(chat.stream.send(Buffer.from('late'))).toBe(true);
  });

  it('says when to wait and when to go on', async () => {
    const chat = new Chat(client);
    expect(chat.stream.send(Buffer.alloc(5_000_000))).toBe(false);
    await chat.received(1);
    expect(chat.bytes).toEqual([5_000_000]);
    expect(chat.drains).toBe(1);
    chat.stream.cancel();
  });

  it('holds the server back while paused, and loses nothing', async () => {
    const chat = new Chat(client);
    chat.send('first');
    await chat.received(1);
    chat.stream.pause();
    for (let i = 0; i < 40; i++) chat.stream.send(Buffer.alloc(100_000, i));
    const other = new Chat(client);
    other.send('others go on');
    await other.received(1);
    other.stream.cancel();
    expect(chat.bytes).toEqual([5]);
    chat.stream.resume();
    await chat.received(41);
    chat.stream.end();
    expect((await chat.ended).code).toBe(GRPC_CODE.OK);
    expect(chat.bytes.slice(1)).toEqual(Array.from({ length: 40 }, () => 100_000));
  });

  it('tells the status only after the messages that came before it', async () => {
    const chat = new Chat(client);
    chat.send('first');
    await chat.received(1);
    chat.stream.pause();
    chat.send('second');
    chat.stream.end();
    const other = new Chat(client);
    other.send('a round trip');
    await other.received(1);
    other.stream.cancel();
    chat.stream.resume();
    await chat.ended;
    expect(chat.messages).toEqual(['first', 'second']);
  });

  it('cancels: CANCELLED here, cancelled there', async () => {
    const chat = new Chat(client);
    chat.send('x');
    await chat.received(1);
    chat.stream.cancel('enough');
    expect(await chat.ended).toMatchObject({ code: GRPC_CODE.CANCELLED, message: 'enough' });
    await expect.poll(() => peer.observed.cancelled).toBe(1);
  });

  it('ends at its deadline', async () => {
    const chat = new Chat(client, 30);
    expect((await chat.ended).code).toBe(GRPC_CODE.DEADLINE_EXCEEDED);
  });

  it('ends with UNAVAILABLE when the server goes away in the middle, and works again when it is back', async () => {
    const chat = new Chat(client);
    chat.send('x');
    await chat.received(1);
    peer.server.forceShutdown();
    expect((await chat.ended).code).toBe(GRPC_CODE.UNAVAILABLE);
    const refused = new Chat(client);
    expect((await refused.ended).code).toBe(GRPC_CODE.UNAVAILABLE);
    peer = await startTestServer(undefined, peer.port);
    const again = new Chat(client);
    again.send('back');
    await again.received(1);
    again.stream.end();
    expect((await again.ended).code).toBe(GRPC_CODE.OK);
  });

  it('finishes what is open when the server drains, and opens new calls elsewhere', async () => {
    const chat = new Chat(client);
    chat.send('x');
    await chat.received(1);
    const drained = new Promise<void>((resolve) => {
      peer.server.tryShutdown(() => resolve());
    });
    chat.send('y');
    await chat.received(2);
    const port = peer.port;
    chat.stream.end();
    expect((await chat.ended).code).toBe(GRPC_CODE.OK);
    await drained;
    peer = await startTestServer(undefined, port);
    const result = await client.unary(PATHS.echo, Buffer.from('new'));
    expect(result.ok).toBe(true);
  });
});
