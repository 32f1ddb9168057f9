// As much of SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) and PKCS#8 (RFC 5958) as a provider needs to hand a key to its
// engine: numbers of RSA keys, raw Ed25519 keys, and id-RSASSA-PSS keys (RFC 4055) as rsaEncryption ones, the only form
// that WebCrypto imports. Malformed input gives undefined. Certificates and what users pass in are read in `pki`.
import { type Bytes, concat, equal, fromHex, hex, Writer } from '../bytes/index.js'
import type { CurveName, HashName } from './provider.js'
import { curveLengths } from './signatures.js'

const oids = {
  rsaEncryption: '2a864886f70d010101',
  rsassaPss: '2a864886f70d01010a',
  mgf1: '2a864886f70d010108',
  ed25519: '2b6570',
  ecPublicKey: '2a8648ce3d0201',
}

/** RFC 5480 §2.1.1.1. */
const curveOids: Readonly<Record<CurveName, string>> = {
  'P-256': '2a8648ce3d030107',
  'P-384': '2b81040022',
  'P-521': '2b81040023',
}

const hashOids: Readonly<Record<string, HashName>> = {
  '2b0e03021a': 'SHA-1',
  '608648016503040201': 'SHA-256',
  '608648016503040202': 'SHA-384',
  '608648016503040203': 'SHA-512',
}

/** Big-endian numbers without leading zeros. */
export interface RsaNumbers {
  readonly modulus: Uint8Array
  readonly exponent: Uint8Array
}

/** The numbers of an RSA key whose exponent can be worked with safely, or undefined. */
export function rsaPublicNumbers(spki: Uint8Array): RsaNumbers | undefined {
  const parts = spkiParts(spki)
  if (parts === undefined || (parts.oid !== oids.rsaEncryption && parts.oid !== oids.rsassaPss))
    return undefined
  const numbers = integers(parts.key)
  const [modulus, exponent] = numbers ?? []
  if (numbers?.length !== 2 || modulus === undefined || exponent === undefined) return undefined
  // RFC 8017 §3.1: 3 <= e, and e is odd because it has no factor in common with p - 1. Past 32 bits it only burns time.
  if (exponent.length > 4 || !isOdd(exponent) || (exponent.length === 1 && exponent[0]! < 3)) return undefined
  return isOdd(modulus) ? { modulus, exponent } : undefined
}

/** Bits of a modulus without leading zeros. */
export function modulusBits({ modulus }: RsaNumbers): number {
  return 8 * modulus.length + 24 - Math.clz32(modulus[0]!)
}

/** The coordinates x || y of a key on this named curve: no explicit parameters, no compressed point. */
export function ecPublicPoint(spki: Uint8Array, curve: CurveName): Uint8Array | undefined {
  const parts = spkiParts(spki)
  if (parts?.oid !== oids.ecPublicKey || parts.curve !== curveOids[curve]) return undefined
  // RFC 5480 §2.2: 04 is the uncompressed form; CAs issue no other.
  return parts.key[0] === 4 && parts.key.length === 1 + 2 * curveLengths[curve]
    ? parts.key.subarray(1)
    : undefined
}

/** n, e, d, p, q, dP, dQ, qInv of a two-prime key, or undefined. */
export function rsaPrivateNumbers(pkcs8: Uint8Array): readonly Uint8Array[] | undefined {
  const parts = pkcs8Parts(pkcs8)
  if (parts === undefined || (parts.oid !== oids.rsaEncryption && parts.oid !== oids.rsassaPss))
    return undefined
  const numbers = integers(parts.key)
  // RFC 8017 §A.1.2: version 0, then eight numbers; version 1 has more primes.
  return numbers?.length === 9 && numbers[0]!.length === 0 ? numbers.slice(1) : undefined
}

/** The same RSA key under rsaEncryption: what WebCrypto imports. Other keys come back unchanged. */
export function asRsaEncryptionSpki(spki: Uint8Array): Uint8Array {
  const parts = spkiParts(spki)
  if (parts?.oid !== oids.rsassaPss) return spki
  return der(0x30, rsaEncryptionIdentifier(), der(0x03, new Uint8Array(1), parts.key))
}

/** The same RSA key under rsaEncryption: what WebCrypto imports. Other keys come back unchanged. */
export function asRsaEncryptionPkcs8(pkcs8: Uint8Array): Uint8Array {
  const parts = pkcs8Parts(pkcs8)
  if (parts?.oid !== oids.rsassaPss) return pkcs8
  return der(0x30, fromHex('020100'), rsaEncryptionIdentifier(), der(0x04, parts.key))
}

/** Whether two SubjectPublicKeyInfos hold one key; RSA keys may name it rsaEncryption here and id-RSASSA-PSS there. */
export function samePublicKey(a: Uint8Array, b: Uint8Array): boolean {
  return equal(asRsaEncryptionSpki(a), asRsaEncryptionSpki(b))
}

/** Whether a SubjectPublicKeyInfo or PKCS#8 is of id-RSASSA-PSS, a key that may make no other signatures. */
export function isPssKey(encoded: Uint8Array): boolean {
  return (spkiParts(encoded) ?? pkcs8Parts(encoded))?.oid === oids.rsassaPss
}

/** Whether the parameters of an id-RSASSA-PSS key (either encoding) allow such a signature; any other key has no say. */
export function pssParametersAllow(encoded: Uint8Array, hash: HashName, saltLength: number): boolean {
  const parts = spkiParts(encoded) ?? pkcs8Parts(encoded)
  // RFC 4055 §3.1: without parameters the key is free.
  if (parts?.oid !== oids.rsassaPss || parts.parameters === undefined) return true
  // RFC 4055 §3.1: the defaults are SHA-1, MGF1 with SHA-1, 20 bytes of salt.
  let named: HashName | undefined = 'SHA-1'
  let masked: HashName | undefined = 'SHA-1'
  let salt = 20
  for (const field of elements(parts.parameters) ?? []) {
    const inner = elements(field.content)?.[0]
    if (inner === undefined) return false
    if (field.tag === 0xa0) named = hashOids[algorithmOid(inner) ?? '']
    if (field.tag === 0xa1) {
      const generator = elements(inner.content)
      if (algorithmOid(inner) !== oids.mgf1 || generator?.[1] === undefined) return false
      masked = hashOids[algorithmOid(generator[1]) ?? '']
    }
    if (field.tag === 0xa2) {
      if (inner.tag !== 0x02 || inner.content.length > 2) return false
      salt = inner.content.reduce((value, byte) => value * 256 + byte, 0)
    }
  }
  // RFC 4055 §3.3: the same hash, the same mask generation, and at least that much salt.
  return named === hash && masked === hash && saltLength >= salt
}

/** The 32 bytes of an Ed25519 public key. */
export function ed25519PublicKey(spki: Uint8Array): Uint8Array | undefined {
  const parts = spkiParts(spki)
  return parts?.oid === oids.ed25519 && parts.key.length === 32 ? parts.key : undefined
}

/** The 32-byte seed of an Ed25519 private key (RFC 8410 §7: an OCTET STRING in the OCTET STRING). */
export function ed25519Seed(pkcs8: Uint8Array): Uint8Array | undefined {
  const parts = pkcs8Parts(pkcs8)
  const seed = parts?.oid === oids.ed25519 ? elements(parts.key) : undefined
  return seed?.length === 1 && seed[0]!.tag === 0x04 && seed[0]!.content.length === 32
    ? seed[0]!.content
    : undefined
}

/** DER SubjectPublicKeyInfo of an RSA key from its numbers. */
export function rsaSpki(numbers: RsaNumbers): Bytes {
  const key = der(0x30, integer(numbers.modulus), integer(numbers.exponent))
  return der(0x30, rsaEncryptionIdentifier(), der(0x03, new Uint8Array(1), key))
}

/** DER SubjectPublicKeyInfo of an Ed25519 key. */
export function ed25519Spki(key: Uint8Array): Bytes {
  return concat(fromHex('302a300506032b6570032100'), key)
}

function isOdd(number: Uint8Array): boolean {
  return number.length > 0 && number.at(-1)! % 2 === 1
}

interface Element {
  readonly tag: number
  readonly content: Uint8Array
}

interface KeyParts {
  /** Algorithm OID content, in hex. */
  readonly oid: string
  /** Content of the algorithm's SEQUENCE of parameters, if it has one. */
  readonly parameters: Uint8Array | undefined
  /** Content of the algorithm's parameter that is an OID, in hex. */
  readonly curve: string | undefined
  readonly key: Uint8Array
}

function spkiParts(spki: Uint8Array): KeyParts | undefined {
  const fields = only(spki, 0x30)
  const [algorithm, key] = fields ?? []
  if (fields?.length !== 2 || key?.tag !== 0x03 || key.content[0] !== 0) return undefined
  return keyParts(algorithm, key.content.subarray(1))
}

function pkcs8Parts(pkcs8: Uint8Array): KeyParts | undefined {
  const [version, algorithm, key] = only(pkcs8, 0x30) ?? []
  // RFC 5958 §2: v1 (0), or v2 (1) with the public key behind.
  if (version?.tag !== 0x02 || version.content.length !== 1 || version.content[0]! > 1) return undefined
  return key?.tag === 0x04 ? keyParts(algorithm, key.content) : undefined
}

function keyParts(algorithm: Element | undefined, key: Uint8Array): KeyParts | undefined {
  const oid = algorithm && algorithmOid(algorithm)
  if (algorithm === undefined || oid === undefined) return undefined
  const [, parameters, more] = elements(algorithm.content) ?? []
  if (more !== undefined) return undefined
  return {
    oid,
    parameters: parameters?.tag === 0x30 ? parameters.content : undefined,
    curve: parameters?.tag === 0x06 ? hex(parameters.content) : undefined,
    key,
  }
}

function algorithmOid(algorithm: Element): string | undefined {
  const oid = algorithm.tag === 0x30 ? elements(algorithm.content)?.[0] : undefined
  return oid?.tag === 0x06 ? hex(oid.content) : undefined
}

/** The non-negative INTEGERs of a SEQUENCE, without leading zeros: zero is empty. */
function integers(sequence: Uint8Array): Uint8Array[] | undefined {
  const fields = only(sequence, 0x30)
  const numbers: Uint8Array[] = []
  for (const { tag, content } of fields ?? []) {
    if (tag !== 0x02 || content.length === 0 || content[0]! >= 0x80) return undefined
    // X.690 §8.3.2: the first nine bits are not all zero.
    if (content.length > 1 && content[0] === 0 && content[1]! < 0x80) return undefined
    numbers.push(content[0] === 0 ? content.subarray(1) : content)
  }
  return fields && numbers
}

/** The elements inside the one element that `bytes` must be. */
function only(bytes: Uint8Array, tag: number): Element[] | undefined {
  const outer = elements(bytes)
  return outer?.length === 1 && outer[0]!.tag === tag ? elements(outer[0]!.content) : undefined
}

/** A run of DER elements with one-byte tags and lengths of up to three bytes; none of our keys has more than twelve. */
function elements(bytes: Uint8Array): Element[] | undefined {
  const found: Element[] = []
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at]!
    let length = bytes[at + 1] ?? 0xff
    at += 2
    if (length > 0x7f) {
      const count = length - 0x80
      if (count < 1 || count > 3 || at + count > bytes.length) return undefined
      length = 0
      for (let i = 0; i < count; i++) length = length * 256 + bytes[at++]!
      // X.690 §10.1: the shortest form.
      if (length < (count === 1 ? 0x80 : 2 ** (8 * (count - 1)))) return undefined
    }
    if (length > bytes.length - at || found.length === 12) return undefined
    found.push({ tag, content: bytes.subarray(at, at + length) })
    at += length
  }
  return found
}

function der(tag: number, ...parts: readonly Uint8Array[]): Bytes {
  const content = concat(...parts)
  const writer = new Writer(content.length + 5).u8(tag)
  if (content.length < 0x80) writer.u8(content.length)
  else if (content.length < 0x100) writer.u8(0x81).u8(content.length)
  else if (content.length < 0x10000) writer.u8(0x82).u16(content.length)
  else writer.u8(0x83).u24(content.length)
  return writer.bytes(content).finish()
}

function integer(number: Uint8Array): Bytes {
  return der(0x02, number[0]! >= 0x80 ? new Uint8Array(1) : new Uint8Array(0), number)
}

function rsaEncryptionIdentifier(): Bytes {
  return fromHex(`300d0609${oids.rsaEncryption}0500`)
}
