import { expect, it } from 'vitest';
import type { Downstream, PeerIdentity } from '../runtime.ts';
import { ConnectionView } from './connection-view.ts';

const place = { address: '10.0.0.1', port: 80 };
const viewOf = (peer: Partial<PeerIdentity> | undefined): ConnectionView =>
  new ConnectionView({
    local: place,
    remote: place,
    tls: {
      alpn: '',
      sni: '',
      version: '',
      peer: peer && { uri: '', subject: '', hash: '', pem: '', ...peer },
    },
  } as Downstream);

it.each<[Partial<PeerIdentity> | undefined, readonly string[]]>([
  [{ uri: 'spiffe://a', dnsNames: ['a.test'], subject: 'CN=a' }, ['spiffe://a']],
  [{ dnsNames: ['a.test', 'b.test'], subject: 'CN=a' }, ['a.test', 'b.test']],
  [{ dnsNames: [], subject: 'CN=a' }, ['CN=a']],
  [{}, []],
  [undefined, []],
])('a peer with %j goes by %j', (peer, names) => expect(viewOf(peer).principals).toEqual(names));
