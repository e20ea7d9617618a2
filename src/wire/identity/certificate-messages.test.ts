import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import {
  decodeCertificateRequest,
  decodeCertificateResponse,
  encodeCertificateRequest,
  encodeCertificateResponse,
} from './certificate-messages.ts';

// The messages as Istio's proto has them, read by another library.
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Value { string string_value = 3; }
  message Struct { map<string, Value> fields = 1; }
  message Request { string csr = 1; int64 validity_duration = 3; Struct metadata = 4; }
  message Response { repeated string cert_chain = 1; }
`);
const Request = root.lookupType('Request');
const Response = root.lookupType('Response');

describe('messages of the certificate API', () => {
  it('are read by protobufjs as they were written', () => {
    const bytes = encodeCertificateRequest({ csr: 'PEM', validityDurationS: 86_400 });
    expect(Request.toObject(Request.decode(bytes), { longs: Number })).toEqual({
      csr: 'PEM',
      validityDuration: 86_400,
    });
    const response = encodeCertificateResponse({ certChain: ['leaf', 'root'] });
    expect(Response.toObject(Response.decode(response))).toEqual({ certChain: ['leaf', 'root'] });
  });

  it('are read as protobufjs wrote them, passing over metadata', () => {
    const metadata = { fields: { CertSigner: { stringValue: 'x' } } };
    const bytes = Request.encode(Request.fromObject({ csr: 'PEM', validityDuration: -5, metadata })).finish();
    expect(decodeCertificateRequest(bytes)).toEqual({ csr: 'PEM', validityDurationS: -5 });
    const response = Response.encode(Response.fromObject({ certChain: ['', 'b'] })).finish();
    expect(decodeCertificateResponse(response)).toEqual({ certChain: ['', 'b'] });
  });

  it('go there and back', () => {
    const request = fc.record({ csr: fc.string(), validityDurationS: fc.integer() });
    fc.assert(
      fc.property(request, (message) => {
        expect(decodeCertificateRequest(encodeCertificateRequest(message))).toEqual(message);
      }),
    );
  });

  it('are Errors on other bytes, never something else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const decode of [decodeCertificateRequest, decodeCertificateResponse]) {
          try {
            decode(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
          }
        }
      }),
    );
  });
});
