import { createHash } from 'node:crypto';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { Leaf } from '../wire/identity/keep-leaf.ts';
import { decode } from '../xds/decode.ts';
import { encode } from '../xds/encode.ts';
import { joined } from '../xds/joined.ts';
import { type MeshTrust, meshTrustOf } from '../xds/mesh-trust.ts';
import { messageOf, type Secret, typeUrls } from '../xds/resources.ts';
import { type Sendable, sendable } from '../xds/sendable.ts';

/** The names under which Envoys of the mesh ask for their own certificate and for the trust bundle. */
export const OWN_CERTIFICATE = 'default';
export const TRUST_BUNDLE = 'ROOTCA';

/** The two secrets of an identity. */
export interface OwnSecrets {
  readonly certificate: Sendable;
  readonly bundle: Sendable;
}

/** The identity in the form of SDS. */
export function ownSecretsOf(identity: Leaf): OwnSecrets {
  return {
    certificate: ready({
      name: OWN_CERTIFICATE,
      tls_certificate: {
        certificate_chain: { inline_string: identity.chainPem },
        private_key: { inline_string: identity.privateKeyPem },
      },
    }),
    bundle: ready({
      name: TRUST_BUNDLE,
      validation_context: { trusted_ca: { inline_string: identity.rootsPem } },
    }),
  };
}

/** Whom a trust bundle trusts; undefined where it names no roots. */
export function trustOf(bundle: Sendable): MeshTrust | undefined {
  const reader = new BinaryReader(joined(bundle.any));
  let value: Uint8Array | undefined;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 2) value = reader.bytes();
    else reader.skip(wireType, field);
  }
  if (value === undefined) return undefined;
  return meshTrustOf(decode<Secret>(messageOf(typeUrls.secret), value));
}

function ready(secret: Secret): Sendable {
  const value = encode(messageOf(typeUrls.secret), secret);
  const version = createHash('sha256').update(value).digest('base64url').slice(0, 16);
  return sendable(secret.name ?? '', version, typeUrls.secret, value);
}
