// Key pairs for the provider tests, made fresh by node:crypto, in the encodings that a provider takes.
import { generateKeyPairSync, type KeyObject, type RSAPSSKeyPairKeyObjectOptions } from 'node:crypto'
import type { HashName, KeyKind, PublicKey, SignatureAlgorithm } from '../../../src/crypto/provider.js'

export interface TestKey {
  readonly label: string
  readonly kind: KeyKind
  readonly publicKey: PublicKey
  readonly pkcs8: Uint8Array<ArrayBuffer>
  /** Everything such a key can sign with. */
  readonly algorithms: readonly SignatureAlgorithm[]
}

const hashes: readonly HashName[] = ['SHA-256', 'SHA-384', 'SHA-512']
const ecdsa: SignatureAlgorithm[] = hashes.map((hash) => ({ kind: 'ecdsa', hash }))
const pkcs1: SignatureAlgorithm[] = hashes.map((hash) => ({ kind: 'rsa-pkcs1', hash }))
const pss: SignatureAlgorithm[] = [
  { kind: 'rsa-pss', hash: 'SHA-256', saltLength: 32 },
  { kind: 'rsa-pss', hash: 'SHA-384', saltLength: 48 },
  { kind: 'rsa-pss', hash: 'SHA-512', saltLength: 64 },
]

function testKey(
  label: string,
  kind: KeyKind,
  pair: { publicKey: KeyObject; privateKey: KeyObject },
  algorithms: readonly SignatureAlgorithm[],
): TestKey {
  const spki = Uint8Array.from(pair.publicKey.export({ type: 'spki', format: 'der' }))
  const pkcs8 = Uint8Array.from(pair.privateKey.export({ type: 'pkcs8', format: 'der' }))
  return { label, kind, publicKey: { key: kind, spki }, pkcs8, algorithms }
}

export function ecKey(curve: 'P-256' | 'P-384' | 'P-521'): TestKey {
  const pair = generateKeyPairSync('ec', { namedCurve: curve })
  return testKey(`EC ${curve}`, { kind: 'ec', curve }, pair, ecdsa)
}

export function rsaKey(bits: number, publicExponent = 65_537): TestKey {
  const pair = generateKeyPairSync('rsa', { modulusLength: bits, publicExponent })
  return testKey(`RSA ${bits}`, { kind: 'rsa', bits, pss: false }, pair, [...pss, ...pkcs1])
}

export function pssKey(restriction?: { hash: 'sha256' | 'sha384'; saltLength: number }): TestKey {
  const options = {
    modulusLength: 2048,
    hashAlgorithm: restriction?.hash,
    mgf1HashAlgorithm: restriction?.hash,
    saltLength: restriction?.saltLength,
  }
  // The typings want a restriction; without one the key is free.
  const pair = generateKeyPairSync('rsa-pss', options as RSAPSSKeyPairKeyObjectOptions)
  const allowed = restriction ? pss.filter((each) => hashOf(each) === restriction.hash) : pss
  return testKey(
    `RSA-PSS ${restriction?.hash ?? 'free'}`,
    { kind: 'rsa', bits: 2048, pss: true },
    pair,
    allowed,
  )
}

export function ed25519Key(): TestKey {
  return testKey('Ed25519', { kind: 'ed25519' }, generateKeyPairSync('ed25519'), [{ kind: 'ed25519' }])
}

function hashOf(algorithm: SignatureAlgorithm): string | undefined {
  return algorithm.kind === 'ed25519' ? undefined : algorithm.hash.replace('-', '').toLowerCase()
}
