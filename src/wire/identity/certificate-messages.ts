// The two messages of Istio's certificate API, istio.v1.auth.IstioCertificateService/CreateCertificate, both ways.
// Source: istio/api security/v1alpha1/ca.proto. Unknown fields are skipped, as proto3 wants.

import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** Path of the one method, for any gRPC transport. */
export const CREATE_CERTIFICATE_PATH = '/istio.v1.auth.IstioCertificateService/CreateCertificate';

/** What a workload sends. */
export interface CertificateRequest {
  /** PKCS#10 as PEM. */
  readonly csr: string;
  /** Wished lifetime in seconds; 0 leaves it to the CA. */
  readonly validityDurationS: number;
}

/** What the CA answers: PEM blocks, the leaf first, then intermediates, the trust roots last. */
export interface CertificateResponse {
  readonly certChain: readonly string[];
}

const REQUEST_CSR = 1;
const REQUEST_VALIDITY = 3;
const RESPONSE_CHAIN = 1;

/** Bytes of a request. The `metadata` of Istio's proto is not sent: it only picks a signer, and weft has one. */
export function encodeCertificateRequest(request: CertificateRequest): Uint8Array {
  const writer = new BinaryWriter();
  if (request.csr !== '') writer.tag(REQUEST_CSR, WireType.LengthDelimited).string(request.csr);
  if (request.validityDurationS !== 0) {
    writer.tag(REQUEST_VALIDITY, WireType.Varint).int64(Math.trunc(request.validityDurationS));
  }
  return writer.finish();
}

/** Reads a request. Throws RangeError or Error on bytes that are no message. */
export function decodeCertificateRequest(bytes: Uint8Array): CertificateRequest {
  const reader = new BinaryReader(bytes);
  let csr = '';
  let validityDurationS = 0;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === REQUEST_CSR && wireType === WireType.LengthDelimited) csr = reader.string();
    else if (field === REQUEST_VALIDITY && wireType === WireType.Varint)
      validityDurationS = Number(reader.int64());
    else reader.skip(wireType, field);
  }
  return { csr, validityDurationS };
}

/** Bytes of a response. */
export function encodeCertificateResponse(response: CertificateResponse): Uint8Array {
  const writer = new BinaryWriter();
  for (const pem of response.certChain) writer.tag(RESPONSE_CHAIN, WireType.LengthDelimited).string(pem);
  return writer.finish();
}

/** Reads a response. Throws RangeError or Error on bytes that are no message. */
export function decodeCertificateResponse(bytes: Uint8Array): CertificateResponse {
  const reader = new BinaryReader(bytes);
  const certChain: string[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === RESPONSE_CHAIN && wireType === WireType.LengthDelimited) certChain.push(reader.string());
    else reader.skip(wireType, field);
  }
  return { certChain };
}
