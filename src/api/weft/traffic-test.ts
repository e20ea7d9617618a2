import { z } from 'zod';
import { specKind } from '../kind.ts';
import type { SpecObject } from '../object.ts';
import type { Report } from '../report.ts';
import {
  anyObject,
  bool,
  double,
  type Infer,
  int32,
  list,
  mapOf,
  message,
  oneOf,
  text,
  textMap,
  texts,
  uint32,
} from '../schema.ts';

const workload = message(
  { name: text },
  { namespace: text, serviceAccount: text, labels: textMap, ports: list(uint32), mesh: bool },
);
export type TestWorkload = Infer<typeof workload>;

const send = message(
  {},
  {
    method: text,
    /** `http://`, `https://`, `grpc://` or `tcp://` with host, port and path. */
    url: text,
    headers: textMap,
    body: text,
    /** Claims of a token that is signed by a key made for the run; it stands where `{jwt}` does in the URL or a header, or else in Authorization. */
    jwt: anyObject,
    sni: text,
    plaintext: bool,
    /** What the client sends along in its next request of `times`: `cookie`, or headers of answers by their names. */
    keeps: texts,
  },
);
export type TestRequest = Infer<typeof send>;

const expectation = message(
  {},
  {
    status: int32,
    tcp: oneOf('accepted', 'refused'),
    workload: text,
    shares: mapOf(double),
    /** All of several requests went to one workload, whichever it is. */
    sameWorkload: bool,
    cluster: text,
    received: message({}, { path: text, authority: text, headers: textMap, absentHeaders: texts }),
    response: message({}, { headers: textMap, body: text }),
    mirroredTo: texts,
    tls: oneOf('mutual', 'simple', 'none', 'passthrough'),
    deniedBy: text,
    afterMs: message({}, { atLeast: double, atMost: double }),
    attempts: int32,
  },
);
export type TestExpectation = Infer<typeof expectation>;

const request = message({ from: text, send, expect: expectation }, { name: text, times: int32 });
export type TestCase = Infer<typeof request>;

const spec = message(
  { requests: list(request) },
  { resources: texts, objects: list(z.record(z.string(), z.unknown())), workloads: list(workload) },
);

/** Spec of a TrafficTest: requests and where they must end up, given resources. Paths are relative to the test's file. */
export type TrafficTestSpec = Infer<typeof spec>;
export type TrafficTest = SpecObject<TrafficTestSpec>;

/** weft.dev TrafficTest. */
export const trafficTest = specKind(
  { group: 'weft.dev', kind: 'TrafficTest', versions: ['v1'] },
  spec,
  checkTrafficTest,
);

const WHO = /^(?:outside|(?:gateway:)?[^/:]+\/[^/]+)$/;

function checkTrafficTest(test: TrafficTestSpec, report: Report): void {
  if (test.requests.length === 0)
    report.error('requests', 'requests is empty, so nothing is tested; add one');
  const names = new Set<string>();
  for (const [i, { name, namespace = 'default' }] of (test.workloads ?? []).entries()) {
    const id = `${namespace}/${name}`;
    if (names.has(id)) report.error(['workloads', i, 'name'], `there is already a workload ${id}`);
    names.add(id);
  }
  for (const [i, entry] of test.requests.entries()) checkRequest(entry, report.at('requests', i));
}

function checkRequest(entry: TestCase, report: Report): void {
  if (!WHO.test(entry.from))
    report.error(
      'from',
      `"${entry.from}" is nobody; write NAMESPACE/WORKLOAD, gateway:NAMESPACE/NAME or outside`,
    );
  if (!/^(?:https?|grpc|tcp):\/\/[^/]+/.test(entry.send.url ?? ''))
    report.error(
      ['send', 'url'],
      `"${entry.send.url ?? ''}" is not a URL; write http://host:port/path, or tcp://host:port`,
    );
  if (/^tcp:\/\/[^/]*$/.test(entry.send.url ?? '') && !/:\d+$/.test(entry.send.url ?? ''))
    report.error(['send', 'url'], `"${entry.send.url}" says no port; write tcp://host:port`);
  const { deniedBy } = entry.expect;
  if (deniedBy !== undefined && !/^[A-Za-z]+\/[^/]*\/[^/]+$/.test(deniedBy))
    report.error(
      ['expect', 'deniedBy'],
      `"${deniedBy}" is no object; write KIND/NAMESPACE/NAME, such as AuthorizationPolicy/default/deny-all`,
    );
  if (entry.send.keeps !== undefined && (entry.times ?? 1) < 2)
    report.error(['send', 'keeps'], 'one request has no next one; set times to 2 or more');
  if ((entry.times ?? 1) < 1) report.error('times', 'times is 1 or more');
  if (entry.expect.sameWorkload !== undefined && (entry.times ?? 1) < 2)
    report.error(['expect', 'sameWorkload'], 'one request goes to one workload; set times to 2 or more');
  if (Object.keys(entry.expect).length === 0)
    report.error('expect', 'expect is empty, so nothing is tested; name what must hold');
  const total = Object.values(entry.expect.shares ?? {}).reduce((sum, share) => sum + share, 0);
  if (entry.expect.shares !== undefined && Math.abs(total - 1) > 1e-9)
    report.error(['expect', 'shares'], `the shares add up to ${total}; they must add up to 1`);
}
