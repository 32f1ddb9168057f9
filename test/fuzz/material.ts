// Certificates, keys and files that real programs wrote, made once for all targets: what fuzzing begins from.
import { X509Certificate } from 'node:crypto'
import { type Authority, createAuthority, type Issued } from '../support/certificates.js'

export interface Material {
  readonly authority: Authority
  readonly leaf: Issued
  /** DER of certificates of every kind of key, with and without intermediates and constraints. */
  readonly certificates: readonly Uint8Array[]
  /** PEM of their private keys, PKCS#8. */
  readonly keys: readonly string[]
}

let made: Promise<Material> | undefined

export function material(): Promise<Material> {
  made ??= make()
  return made
}

async function make(): Promise<Material> {
  const authority = await createAuthority()
  const intermediate = await authority.intermediate({ name: 'Fuzz Intermediate' })
  const names = ['inner.example.com', '*.wild.example.com', '192.0.2.7', '2001:db8::7']
  const issued = await Promise.all([
    intermediate.issue({ names, key: 'ecdsa-p256' }),
    authority.issue({ names, key: 'ed25519' }),
    authority.issue({ commonName: 'alice', usage: 'client', key: 'ecdsa-p384' }),
    authority.issue({ names, key: 'rsa-2048' }),
  ])
  const chains = issued.flatMap(
    ({ chain }) => chain.match(/-----BEGIN[\s\S]*?-----END CERTIFICATE-----/g) ?? [],
  )
  const certificates = [...chains, authority.certificate].map(
    (pem) => new Uint8Array(new X509Certificate(pem).raw),
  )
  return { authority, leaf: issued[0]!, certificates, keys: issued.map(({ privateKey }) => privateKey) }
}
