import { expect, it } from 'vitest';
import { HpackDecoder } from '../../src/wire/http2/hpack/decoder.ts';
import { Http2Error } from '../../src/wire/http2/http2-error.ts';
import { CLIENT_PREFACE } from '../../src/wire/http2/protocol.ts';
import { End, type Exchange } from '../../src/wire/http2/test-pair.ts';
import { HPACK_BLOCKS, HTTP2_CLIENT, HTTP2_SERVER } from './corpus.ts';
import { cut, fuzz } from './fuzz.ts';

/** What a machine may write in answer to some KiB of hostile bytes. */
const MAX_OUTPUT_BYTES = 256 * 1024;

/** Everything an end reported that may not depend on packets. */
function tell(end: End, exchanges: readonly Exchange[], pieces: readonly Buffer[]): readonly unknown[] {
  let written = 0;
  for (const piece of pieces) {
    end.machine.receive(piece);
    written += end.output().length;
  }
  expect(written).toBeLessThan(MAX_OUTPUT_BYTES);
  const all = [...exchanges, ...end.requests.map(({ exchange }) => exchange)];
  return [
    end.closed,
    // After the peer's GOAWAY the end may come before its last bytes are looked at, a second GOAWAY among them, or after.
    end.goaways.length > 0 ? '' : end.error?.message,
    end.goaways.slice(0, 1),
    end.machine.activeStreams,
    all.map(({ body, log }) => [body.toString('latin1'), log.filter((line) => !line.startsWith('data'))]),
  ];
}

it('HTTP/2 from clients: no bytes throw, and they tell the same however they are split', () => {
  const answered = (): End => {
    const end = new End('server');
    end.answer = (stream, _, ended) => {
      if (ended) stream.respond({ status: 200, headers: [] }, true);
    };
    return end;
  };
  const report = fuzz({
    name: 'http2 server',
    corpus: HTTP2_SERVER.map((bytes) => Buffer.concat([CLIENT_PREFACE, bytes])),
    check(input, random) {
      const whole = tell(answered(), [], [input]);
      expect(tell(answered(), [], cut(input, random))).toEqual(whole);
      return JSON.stringify(whole).replace(/\d+/g, '0').slice(0, 300);
    },
  });
  console.log('http2 server', report);
  expect(report.kinds).toBeGreaterThan(20);
});

it('HTTP/2 from servers: no bytes throw, and they tell the same however they are split', () => {
  const asking = (): [End, Exchange[]] => {
    const end = new End('client');
    end.output();
    return [end, [end.request(), end.request({ method: 'POST' }, false)]];
  };
  const report = fuzz({
    name: 'http2 client',
    corpus: HTTP2_CLIENT,
    check(input, random) {
      const whole = tell(...asking(), [input]);
      expect(tell(...asking(), cut(input, random))).toEqual(whole);
      return JSON.stringify(whole).replace(/\d+/g, '0').slice(0, 300);
    },
  });
  console.log('http2 client', report);
  expect(report.kinds).toBeGreaterThan(10);
});

it('header blocks: any bytes decode or throw COMPRESSION_ERROR, with bounded fields', () => {
  const report = fuzz({
    name: 'hpack',
    corpus: HPACK_BLOCKS,
    check(input) {
      let bytes = 0;
      let fields = 0;
      try {
        new HpackDecoder().decode(input, 0, input.length, {
          onField(name, value) {
            fields++;
            bytes += name.length + value.length;
          },
        });
      } catch (error) {
        if (!(error instanceof Http2Error)) throw error;
        return `${error.message} ${Math.min(fields, 5)}`;
      }
      // A byte can name an entry of the table, and no entry is longer than the table.
      expect(bytes).toBeLessThanOrEqual(input.length * 4096);
      return `${Math.min(fields, 12)} fields`;
    },
  });
  console.log('hpack', report);
  expect(report.kinds).toBeGreaterThan(5);
});
