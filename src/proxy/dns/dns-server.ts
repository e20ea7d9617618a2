/**
 * DNS over UDP: questions are answered from the table of the listener they arrived at; others go to its upstream
 * resolvers as they came, bounded in number and time. Called by accept/; never: recursion, caching, guessing.
 */
import type { Result } from '../../lib/result.ts';
import type { NetError, UdpSocket } from '../../wire/connection.ts';
import { CLASS_IN } from '../../wire/dns/message.ts';
import { parseQuery } from '../../wire/dns/query.ts';
import { buildResponse } from '../../wire/dns/response.ts';
import { answerFrom, answerOf, noSuchName, serverFailed } from './answer.ts';
import type { DnsServerOptions } from './dns-server-options.ts';
import { type DnsTable, plainName } from './dns-table.ts';
import { askUpstream } from './upstream.ts';

export interface DnsServer {
  /** Answers on a socket from the table of each moment. */
  listen(
    bind: { readonly host: string; readonly port: number },
    table: () => DnsTable | undefined,
  ): Promise<Result<UdpSocket, NetError>>;
}

type Client = { readonly address: string; readonly port: number };

export function createDnsServer(options: DnsServerOptions): DnsServer {
  let pending = 0;
  const reply = async (bytes: Buffer, table: DnsTable): Promise<Uint8Array | undefined> => {
    const query = parseQuery(bytes);
    if (!query.ok) return query.error.reply;
    const known = answerFrom(table, query.value);
    if (known !== undefined) return buildResponse(query.value, known);
    const { onDemand } = options;
    if (onDemand !== undefined && query.value.class === CLASS_IN) {
      const name = plainName(query.value.name);
      const record = onDemand.find(name) ?? (await onDemand.until(name));
      if (record !== undefined && record !== 'none')
        return buildResponse(query.value, answerOf(record, query.value));
      // Nobody said: those behind may know, but that there is no such name is not ours to say.
      if (record === undefined && table.upstream.length === 0)
        return buildResponse(query.value, serverFailed);
    }
    if (table.upstream.length === 0) return buildResponse(query.value, noSuchName(query.value));
    if (pending >= table.maxPending) return buildResponse(query.value, serverFailed);
    pending += 1;
    const answer = await askUpstream(bytes, table, options).finally(() => (pending -= 1));
    return answer ?? buildResponse(query.value, serverFailed);
  };
  return {
    async listen(bind, table) {
      let socket: UdpSocket | undefined;
      const onMessage = (bytes: Buffer, from: Client): void => {
        const current = table();
        if (current === undefined) return;
        void reply(bytes, current).then((answer) => {
          if (answer !== undefined) socket?.send(answer, from);
        });
      };
      const result = await options.network.listenUdp({ ...bind, onMessage });
      if (result.ok) socket = result.value;
      return result;
    },
  };
}
