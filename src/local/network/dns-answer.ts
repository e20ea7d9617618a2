// The platform's own small DNS: names of Services for those whose DNS no proxy answers, and the end of the line for
// names that a proxy does not know. Only what that takes of RFC 1035: one question, A records, no compression in
// what is read (questions have none).

/** Seconds a client may keep an answer: short, since Services come and go. */
const TTL_S = 5;
const TYPE_A = 1;
const TYPE_ANY = 255;
const CLASS_IN = 1;
const RCODE = { ok: 0, formatError: 1, noSuchName: 3, notImplemented: 4 } as const;

/**
 * The answer to one query, or undefined for bytes that deserve none. `lookup` gets the lower-case name without its
 * last dot and gives its IPv4 addresses, an empty list for a name without any, undefined for no such name.
 */
export function answerDns(
  query: Uint8Array,
  lookup: (name: string) => readonly string[] | undefined,
): Uint8Array | undefined {
  const view = new DataView(query.buffer, query.byteOffset, query.byteLength);
  if (query.length < 12 || (view.getUint16(2) & 0x8000) !== 0) return undefined;
  if (((view.getUint16(2) >> 11) & 15) !== 0)
    return reply(query.subarray(0, 12), 0, RCODE.notImplemented, []);
  const question = view.getUint16(4) === 1 ? readQuestion(query, view) : undefined;
  if (question === undefined) return reply(query.subarray(0, 12), 0, RCODE.formatError, []);
  const head = query.subarray(0, question.end);
  const addresses = question.dnsClass === CLASS_IN ? lookup(question.name) : undefined;
  if (addresses === undefined) return reply(head, 1, RCODE.noSuchName, []);
  const wanted = question.type === TYPE_A || question.type === TYPE_ANY;
  return reply(head, 1, RCODE.ok, wanted ? addresses : []);
}

interface Question {
  readonly name: string;
  readonly type: number;
  readonly dnsClass: number;
  /** Where the question ends in the message. */
  readonly end: number;
}

function readQuestion(bytes: Uint8Array, view: DataView): Question | undefined {
  const labels: string[] = [];
  let at = 12;
  for (let length = bytes[at]; length !== 0; length = bytes[at]) {
    if (length === undefined || length > 63 || at + 1 + length > bytes.length || labels.length > 127)
      return undefined;
    labels.push(String.fromCharCode(...bytes.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  if (at + 5 > bytes.length) return undefined;
  const name = labels.join('.').toLowerCase();
  return { name, type: view.getUint16(at + 1), dnsClass: view.getUint16(at + 3), end: at + 5 };
}

// Responses are cut to what surely fits in 512 bytes, so that nobody has to come back over TCP.
function reply(head: Uint8Array, questions: number, rcode: number, addresses: readonly string[]): Uint8Array {
  const room = Math.max(0, Math.floor((512 - head.length) / 16));
  const answers = addresses.slice(0, room);
  const out = new Uint8Array(head.length + 16 * answers.length);
  out.set(head);
  const view = new DataView(out.buffer);
  const recursionDesired = view.getUint16(2) & 0x0100;
  view.setUint16(2, 0x8480 | recursionDesired | rcode); // response, authoritative, recursion available
  view.setUint16(4, questions);
  view.setUint16(6, answers.length);
  view.setUint32(8, 0);
  answers.forEach((address, i) => {
    writeRecord(view, head.length + 16 * i, address);
  });
  return out;
}

function writeRecord(view: DataView, at: number, address: string): void {
  view.setUint16(at, 0xc00c); // the name: a pointer to the question's
  view.setUint16(at + 2, TYPE_A);
  view.setUint16(at + 4, CLASS_IN);
  view.setUint32(at + 6, TTL_S);
  view.setUint16(at + 10, 4);
  address.split('.').forEach((part, i) => {
    view.setUint8(at + 12 + i, Number(part));
  });
}
