import { Resolver } from 'node:dns/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { network } from '../../wire/net.ts';
import { createDnsServer } from './dns-server.ts';
import type { DnsTable } from './dns-table.ts';
import { lowerDnsFilter } from './lower-dns-filter.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function table(names: Readonly<Record<string, readonly string[]>>, upstreamPort?: number): DnsTable {
  const refused: string[] = [];
  const lowered = lowerDnsFilter(
    {
      stat_prefix: 'dns',
      server_config: {
        inline_dns_table: {
          virtual_domains: Object.entries(names).map(([name, address]) => ({
            name,
            endpoint: { address_list: { address } },
          })),
        },
      },
      ...(upstreamPort === undefined
        ? {}
        : {
            client_config: {
              upstream_resolvers: [{ socket_address: { address: '127.0.0.1', port_value: upstreamPort } }],
            },
          }),
    },
    (field, message) => refused.push(`${field} ${message}`),
  );
  expect(refused).toEqual([]);
  return lowered;
}

async function serve(current: () => DnsTable): Promise<{ resolver: Resolver; port: number }> {
  const server = createDnsServer({ network, clock: systemClock, sourceAddress: undefined });
  const socket = await server.listen({ host: '127.0.0.1', port: 0 }, current);
  if (!socket.ok) throw new Error(socket.error.message);
  cleanups.push(() => socket.value.close());
  const resolver = new Resolver({ timeout: 1_000, tries: 2 });
  resolver.setServers([`127.0.0.1:${socket.value.port}`]);
  return { resolver, port: socket.value.port };
}

describe('names of the mesh', () => {
  it('are answered by the table, exact before wildcard, in any case', async () => {
    const { resolver } = await serve(() =>
      table({
        'reviews.default.svc.cluster.local': ['10.96.0.7'],
        '*.example.com': ['10.96.1.1', 'fd00::1'],
      }),
    );
    expect(await resolver.resolve4('Reviews.default.svc.cluster.local')).toEqual(['10.96.0.7']);
    expect(await resolver.resolve4('a.b.example.com')).toEqual(['10.96.1.1']);
    expect(await resolver.resolve6('a.example.com')).toEqual(['fd00::1']);
  });

  it('that have no address of a family exist all the same; others do not exist', async () => {
    const { resolver } = await serve(() => table({ reviews: ['10.96.0.7'] }));
    await expect(resolver.resolve6('reviews')).rejects.toMatchObject({ code: 'ENODATA' });
    await expect(resolver.resolve4('nobody')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  it('follow the table of the moment', async () => {
    let current = table({});
    const { resolver } = await serve(() => current);
    await expect(resolver.resolve4('reviews')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    current = table({ reviews: ['10.96.0.9'] });
    expect(await resolver.resolve4('reviews')).toEqual(['10.96.0.9']);
  });

  it('that the table does not know go to the upstream resolver', async () => {
    const upstream = await serve(() => table({ 'weft.example': ['192.0.2.1'] }));
    const { resolver } = await serve(() => table({ reviews: ['10.96.0.7'] }, upstream.port));
    expect(await resolver.resolve4('weft.example')).toEqual(['192.0.2.1']);
    expect(await resolver.resolve4('reviews')).toEqual(['10.96.0.7']);
  });
});
