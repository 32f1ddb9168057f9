// What TLS 1.2 counts differently: its cipher suites (ECDHE with an AEAD, made of what the provider has for TLS 1.3), which
// keys go with them, and which signature schemes go with a key. RFC 5246 §7.4.1.4.1, §7.4.4; RFC 5289 §3.2; RFC 7905 §2;
// RFC 8422.
import type { CipherSuite, CryptoProvider, KeyKind } from '../crypto/provider.js'
import type { SignatureScheme } from './registry.js'

export interface CipherSuite12 extends CipherSuite {
  /** What the server signs its key exchange with. */
  readonly authentication: 'ECDSA' | 'RSA'
}

/** TLS 1.3 id, and those of the same AEAD and hash with ECDHE_ECDSA and ECDHE_RSA. */
const ids: Readonly<Record<number, readonly [ecdsa: number, rsa: number]>> = {
  4865: [0xc02b, 0xc02f],
  4866: [0xc02c, 0xc030],
  4867: [0xcca9, 0xcca8],
}

/** In the provider's order of preference. */
export function cipherSuites12({ suites }: CryptoProvider): readonly CipherSuite12[] {
  return suites.flatMap((suite) =>
    (ids[suite.id] ?? []).map((id, i): CipherSuite12 => {
      const authentication = i === 0 ? 'ECDSA' : 'RSA'
      const name = suite.name.replace('TLS', `TLS_ECDHE_${authentication}_WITH`)
      return { id, name, authentication, aead: suite.aead, hash: suite.hash }
    }),
  )
}

/** RFC 8422 §2.1, §5.3: ECDHE_ECDSA is for EdDSA keys too. */
export function suiteFits12({ authentication }: CipherSuite12, { kind }: KeyKind): boolean {
  return (authentication === 'RSA') === (kind === 'rsa')
}

/** RFC 8446 §4.2.3: before TLS 1.3 an ECDSA scheme names a hash only, whatever the curve. */
export function schemeFits12({ algorithm, fits }: SignatureScheme, key: KeyKind): boolean {
  return algorithm.kind === 'ecdsa' ? key.kind === 'ec' : fits(key)
}

/** RFC 5246 §7.4.4, RFC 8422 §5.5: rsa_sign, and ecdsa_sign for EdDSA too. */
export function clientCertificateType({ kind }: KeyKind): number {
  return kind === 'rsa' ? 1 : 64
}
