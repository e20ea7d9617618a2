import { describe, expect, it } from 'vitest';
import { createDeltaClient } from './delta-client.ts';
import { createDeltaServer } from './delta-server.ts';
import { typeUrls } from './resources.ts';
import { sendable } from './sendable.ts';
import { standing } from './served-type.ts';

const typeUrl = typeUrls.secret;
const resource = (version: string) => ({ name: 'a', version, typeUrl, value: new Uint8Array([1]) });
const response = (nonce: string, version: string) => ({
  typeUrl,
  nonce,
  systemVersion: version,
  resources: [resource(version)],
  removed: [],
});

describe('the client end of delta ADS', () => {
  it('says on a new stream what is in use, and nothing of what is not answered yet', () => {
    const client = createDeltaClient({ id: 'one' });
    client.subscribe(typeUrl, ['a']);
    client.open();
    const first = client.receive(response('n1', '1'))!;
    client.accept(first);
    expect([...client.open()[0]!.initialVersions]).toEqual([['a', '1']]);
    const second = client.receive(response('n2', '2'))!;
    const [request] = client.open();
    // It is named, so that its removal would be told; but no version of it is claimed.
    expect([...request!.initialVersions]).toEqual([['a', '']]);

    const server = createDeltaServer({ streamId: 's' });
    const offered = sendable('a', '2', typeUrl, new Uint8Array([1]));
    server.offer({ version: '2', all: () => [offered], named: () => [offered] });
    server.receive(request!);
    const [push] = server.next(0);
    expect(push?.resources.map(({ version }) => version)).toEqual(['2']);
    // The late answer to the stream before says nothing on this one.
    expect(client.accept(second)).toEqual([]);
    expect(standing(server.types().get(typeUrl)!, offered)).not.toBe('live');
    const again = client.receive(response(push!.nonce, '2'))!;
    for (const answer of client.accept(again)) server.receive(answer);
    expect(standing(server.types().get(typeUrl)!, offered)).toBe('live');
  });
});
