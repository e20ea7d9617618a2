import { expect, it } from 'vitest';
import { parseResponse } from '../../src/wire/dns/answer.ts';
import { MAX_UDP_BYTES } from '../../src/wire/dns/message.ts';
import { parseQuery } from '../../src/wire/dns/query.ts';
import { buildResponse } from '../../src/wire/dns/response.ts';
import { MessageReader } from '../../src/wire/grpc/framing.ts';
import { parseClientHello } from '../../src/wire/tls/client-hello.ts';
import { classifyFirstBytes } from '../../src/wire/tls/first-bytes.ts';
import { decode } from '../../src/xds/decode.ts';
import { readMatchPolicy, readRewritePolicy } from '../../src/xds/match/uri-template.ts';
import { CLIENT_HELLOS, DNS_MESSAGES, GRPC_BODIES, TEMPLATES, XDS_MESSAGES } from './corpus.ts';
import { cut, fuzz } from './fuzz.ts';

const MAX_MESSAGE_BYTES = 1000;

/** What a reader makes of a body that comes in pieces. */
function messages(pieces: readonly Buffer[]): readonly string[] {
  const reader = new MessageReader(MAX_MESSAGE_BYTES);
  const told: string[] = [];
  for (const piece of pieces) {
    reader.add(piece);
    for (;;) {
      const read = reader.read();
      if (read.kind === 'need-more') break;
      told.push(read.kind === 'message' ? read.message.toString('hex') : read.kind);
      if (read.kind !== 'message') return told;
    }
  }
  return [...told, reader.midMessage ? 'unfinished' : 'whole'];
}

it('messages of gRPC are the same however their bytes are split, and none is longer than allowed', () => {
  const report = fuzz({
    name: 'grpc framing',
    corpus: GRPC_BODIES,
    check(input, random) {
      const whole = messages([input]);
      expect(messages(cut(input, random))).toEqual(whole);
      expect(whole.every((text) => text.length <= 2 * MAX_MESSAGE_BYTES)).toBe(true);
      return `${whole.length} ${whole.at(-1)?.slice(0, 10)}`;
    },
  });
  console.log('grpc framing', report);
});

it('first bytes and client hellos: what is said of a beginning stays true of the whole', () => {
  const report = fuzz({
    name: 'first bytes',
    corpus: CLIENT_HELLOS,
    maxBytes: 20_000,
    check(input, random) {
      const beginning = input.subarray(0, random.below(input.length + 1));
      const early = parseClientHello(beginning);
      const hello = parseClientHello(input);
      if (early !== 'need-more') expect(hello).toEqual(early);
      const early2 = classifyFirstBytes(beginning);
      const kind = classifyFirstBytes(input);
      if (early2 !== 'need-more') expect(kind).toBe(early2);
      return `${kind} ${typeof hello === 'string' ? hello : Object.values(hello).map((value) => typeof value)}`;
    },
  });
  console.log('first bytes', report);
});

it('messages of DNS are read or not, and answers to whatever was read can be read', () => {
  const report = fuzz({
    name: 'dns',
    corpus: DNS_MESSAGES,
    maxBytes: 1000,
    check(input) {
      const answer = parseResponse(input);
      const query = parseQuery(input);
      if (!query.ok) return `${query.error.code} ${answer?.answers.length}`;
      const built = buildResponse(query.value, {
        rcode: 'NOERROR',
        answers: [],
        authoritative: false,
        recursionAvailable: true,
      });
      expect(built.length).toBeLessThanOrEqual(MAX_UDP_BYTES);
      expect(parseResponse(built)).toBeDefined();
      return `query ${query.value.name.split('.').length} ${answer?.answers.length}`;
    },
  });
  console.log('dns', report);
});

it('messages of xDS decode or are an Error with a sentence, whatever nests in them', () => {
  const names = [
    'envoy.config.listener.v3.Listener',
    'envoy.config.cluster.v3.Cluster',
    'envoy.config.route.v3.RouteConfiguration',
    'envoy.service.discovery.v3.DeltaDiscoveryResponse',
  ];
  const report = fuzz({
    name: 'xds',
    corpus: XDS_MESSAGES,
    check(input, random) {
      const name = names[random.below(names.length)] as string;
      const unknown: string[] = [];
      try {
        const fields = decode<object>(name, input, (path) => unknown.push(path));
        return `${name} ${Object.keys(fields)} ${unknown.length}`;
      } catch (error) {
        expect((error as Error).message).not.toMatch(/call stack|undefined|not a function/);
        return `${name} ${(error as Error).message.slice(0, 30)}`;
      }
    },
  });
  console.log('xds', report);
});

it('path templates are refused or make an expression that compiles and can be used', () => {
  const report = fuzz({
    name: 'templates',
    corpus: TEMPLATES,
    maxBytes: 200,
    check(input) {
      const text = input.toString('latin1');
      const refusals: string[] = [];
      const refuse = (_: string, message: string): void => void refusals.push(message);
      const match = {
        '@type': 'type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig',
      } as const;
      const rewrite = {
        '@type': 'type.googleapis.com/envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig',
      } as const;
      const template = readMatchPolicy({ ...match, path_template: text }, refuse, 'match');
      const rewriting = readRewritePolicy(
        { ...rewrite, path_template_rewrite: text },
        template,
        refuse,
        'rewrite',
      );
      if (refusals.length === 0) rewriting('/a/b/c.m3u8');
      return `${refusals.length} ${text.length < 40 ? text.replace(/\w+/g, 'a') : ''}`;
    },
  });
  console.log('templates', report);
});
