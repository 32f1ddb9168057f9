// Wycheproof signature vectors through `verify` of every provider: strict DER, range checks, padding, malleability.
import { describe, expect, it } from 'vitest'
import { ecdsaSignatureToDer } from '../../src/crypto/index.js'
import type { CurveName, HashName, KeyKind, SignatureAlgorithm } from '../../src/crypto/provider.js'
import { curveLengths } from '../../src/crypto/signatures.js'
import { book, bytes, type Group, groups, present, providers, tally } from './wycheproof.js'

const curves: Record<string, CurveName> = { secp256r1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }

interface Suite {
  readonly file: string
  readonly key: (group: Group) => KeyKind
  readonly algorithm: (group: Group) => SignatureAlgorithm
  /** Vectors that may go either way: what every provider here does with them. */
  readonly acceptable?: 'refused'
}

const rsa = (group: Group): KeyKind => ({ kind: 'rsa', bits: group.keySize, pss: false })
const hash = (group: Group): HashName => group.sha

const suites: readonly Suite[] = [
  ...[
    'ecdsa_secp256r1_sha256',
    'ecdsa_secp256r1_sha256_p1363',
    'ecdsa_secp256r1_sha512',
    'ecdsa_secp384r1_sha256',
    'ecdsa_secp384r1_sha384',
    'ecdsa_secp384r1_sha384_p1363',
    'ecdsa_secp521r1_sha512',
  ].map((file) => ({
    file,
    key: (group: Group): KeyKind => ({ kind: 'ec', curve: curves[group.publicKey.curve]! }),
    algorithm: (group: Group): SignatureAlgorithm => ({ kind: 'ecdsa', hash: hash(group) }),
  })),
  {
    file: 'ed25519',
    key: () => ({ kind: 'ed25519' }),
    algorithm: () => ({ kind: 'ed25519' }),
  },
  ...[
    'rsa_pss_2048_sha256_mgf1_32',
    'rsa_pss_2048_sha384_mgf1_48',
    'rsa_pss_3072_sha256_mgf1_32',
    'rsa_pss_4096_sha256_mgf1_32',
    'rsa_pss_4096_sha512_mgf1_64',
  ].map((file) => ({
    file,
    key: rsa,
    algorithm: (group: Group): SignatureAlgorithm => ({
      kind: 'rsa-pss',
      hash: hash(group),
      saltLength: group.sLen,
    }),
  })),
  ...['2048_sha256', '2048_sha384', '2048_sha512', '3072_sha256', '4096_sha256', '4096_sha384'].map(
    (size) => ({
      file: `rsa_signature_${size}`,
      key: rsa,
      algorithm: (group: Group): SignatureAlgorithm => ({ kind: 'rsa-pkcs1', hash: hash(group) }),
      // A DigestInfo without NULL parameters is old software's; nobody signs TLS or certificates so.
      acceptable: 'refused' as const,
    }),
  ),
]

describe.skipIf(!present).each(providers)('wycheproof signatures: $name', (provider) => {
  const able = suites.filter(
    ({ file, algorithm }) => present && provider.canVerify(algorithm(groups(file)[0]!)),
  )

  it.each(able)('$file', async ({ file, key, algorithm, acceptable }) => {
    const result = tally()
    for (const group of groups(file)) {
      const kind = key(group)
      const publicKey = { key: kind, spki: bytes(group.publicKeyDer) }
      for (const vector of group.tests) {
        let signature = bytes(vector.sig)
        if (kind.kind === 'ec' && file.endsWith('p1363')) {
          // r || s of another length has no DER: such a signature cannot reach a provider.
          if (signature.length !== 2 * curveLengths[kind.curve]) {
            book(result, vector, false)
            continue
          }
          signature = ecdsaSignatureToDer(signature)
        }
        book(result, vector, await provider.verify(algorithm(group), publicKey, signature, bytes(vector.msg)))
      }
    }
    expect(result.wrong).toEqual([])
    expect(result.count).toBeGreaterThan(100)
    expect(result.acceptable.filter((line) => !line.endsWith(acceptable ?? 'impossible'))).toEqual([])
  })

  it('covers what the provider claims to verify', () => {
    expect(able.length).toBe(provider.name === 'forge' ? 12 : suites.length)
  })
})
