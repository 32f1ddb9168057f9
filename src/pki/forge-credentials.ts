// What node-forge does for credentials: encrypted PKCS#8 (PBES2 and PKCS#12's PBES1), OpenSSL's traditional encryption
// and PKCS#12. Loaded by dynamic import only when one of them is met; its binary strings stay in this file.
/// <reference path="./node-forge.d.ts" />
import forge from 'node-forge/lib/forge.js'
import 'node-forge/lib/pkcs12.js'
// MD5 for OpenSSL's traditional key derivation, the SHA-2s for PBKDF2 and the MAC of PKCS#12.
import 'node-forge/lib/md5.js'
import 'node-forge/lib/sha256.js'
import 'node-forge/lib/sha512.js'
import { type Bytes, fromLatin1, latin1 } from '../bytes/index.js'
import { failure } from '../errors.js'

const code = 'ERR_CONFIG_IDENTITY'

/** What a PKCS#12 file holds, in its order. */
export interface Pkcs12Content {
  /** DER PKCS#8. */
  readonly keys: ReadonlyArray<{ readonly der: Bytes; readonly id: string | undefined }>
  /** DER certificates. */
  readonly certificates: ReadonlyArray<{ readonly der: Bytes; readonly id: string | undefined }>
}

/** DER of the PrivateKeyInfo inside an EncryptedPrivateKeyInfo. Throws ERR_CONFIG_PASSPHRASE, or ERR_CONFIG_IDENTITY. */
export function decryptPkcs8(encrypted: Uint8Array, passphrase: string): Bytes {
  const info = affordable(readAsn1(encrypted, 'the encrypted key is malformed'))
  // RFC 8018 §5.2 takes octets (UTF-8 by convention), RFC 7292 §B.1 characters: PBES1 here means PKCS#12's.
  for (const password of new Set([forge.util.encodeUtf8(passphrase), passphrase])) {
    try {
      const plain = forge.pki.decryptPrivateKeyInfo(info, password)
      if (plain !== null) return latin1(forge.asn1.toDer(plain).getBytes())
    } catch (cause) {
      // Garbage under good padding is a wrong passphrase; forge says "support" in one form or another for the rest.
      if (/support/i.test((cause as Error).message))
        throw failure(code, 'the key is encrypted with an algorithm that is not supported', { cause })
    }
  }
  throw failure('ERR_CONFIG_PASSPHRASE', 'it does not open the key')
}

/** A key under OpenSSL's traditional PEM encryption; `info` is the DEK-Info header. */
export function decryptTraditional(encrypted: Uint8Array, info: string, passphrase: string): Bytes {
  const [name = '', salt = ''] = info.split(',')
  const keyLength = { 'AES-128-CBC': 16, 'AES-192-CBC': 24, 'AES-256-CBC': 32, 'DES-EDE3-CBC': 24 }[name]
  if (keyLength === undefined)
    throw failure(code, 'the key is encrypted with an algorithm that is not supported')
  const isAes = name.startsWith('AES')
  // RFC 1423 §1.1: the initialization vector in hexadecimal; it is one block of the cipher.
  if (!(isAes ? /^[\dA-Fa-f]{32}$/ : /^[\dA-Fa-f]{16}$/).test(salt))
    throw failure(code, `its DEK-Info header has no initialization vector of ${name}`)
  const iv = forge.util.hexToBytes(salt)
  // The first eight octets of the IV are the salt of EVP_BytesToKey.
  const key = forge.pbe.opensslDeriveBytes(forge.util.encodeUtf8(passphrase), iv.slice(0, 8), keyLength)
  const cipher = (isAes ? forge.aes : forge.des).createDecryptionCipher(key)
  cipher.start(iv)
  cipher.update(forge.util.createBuffer(fromLatin1(encrypted)))
  if (!cipher.finish()) throw failure('ERR_CONFIG_PASSPHRASE', 'it does not open the key')
  return latin1(cipher.output.getBytes())
}

/** Open a PKCS#12 file. Throws ERR_CONFIG_PASSPHRASE, or ERR_CONFIG_IDENTITY for what cannot be read. */
export function openPkcs12(file: Uint8Array, passphrase: string): Pkcs12Content {
  const { oids, privateKeyToAsn1, wrapRsaPrivateKey, certificateToAsn1 } = forge.pki
  const bytes = (value: Parameters<typeof forge.asn1.toDer>[0]): Bytes =>
    latin1(forge.asn1.toDer(value).getBytes())
  const pfx = openPfx(file, passphrase)
  const bags = (bagType: string) => pfx.getBags({ bagType })[bagType] ?? []
  const id = (bag: { attributes: { localKeyId?: readonly string[] } }): string | undefined =>
    bag.attributes.localKeyId?.[0]
  try {
    return {
      keys: [...bags(oids.pkcs8ShroudedKeyBag), ...bags(oids.keyBag)].map((bag) => ({
        der: bytes(bag.key ? wrapRsaPrivateKey(privateKeyToAsn1(bag.key)) : bag.asn1!),
        id: id(bag),
      })),
      certificates: bags(oids.certBag).map((bag) => ({
        der: bytes(bag.cert ? certificateToAsn1(bag.cert) : bag.asn1!),
        id: id(bag),
      })),
    }
  } catch (cause) {
    // Bags that are none, for instance.
    throw failure(code, 'the PKCS#12 file is malformed', { cause })
  }
}

function openPfx(file: Uint8Array, passphrase: string): ReturnType<typeof forge.pkcs12.pkcs12FromAsn1> {
  // RFC 7292 §4.1: BER is allowed here, and some writers use it.
  const pfx = affordable(readAsn1(file, 'not a PKCS#12 file', { strict: false }))
  try {
    return forge.pkcs12.pkcs12FromAsn1(pfx, false, passphrase)
  } catch (cause) {
    // forge has no codes. Its MAC check is what a wrong passphrase fails; the decryption after it comes second.
    const { message } = cause as Error
    const isSecret = /could not be verified|decrypt|wrong password|padding/i.test(message)
    throw failure(isSecret ? 'ERR_CONFIG_PASSPHRASE' : code, 'the PKCS#12 file does not open', { cause })
  }
}

type Asn1 = Parameters<typeof forge.asn1.toDer>[0]

function readAsn1(bytes: Uint8Array, otherwise: string, options?: { strict: boolean }): Asn1 {
  try {
    return forge.asn1.fromDer(fromLatin1(bytes), options)
  } catch (cause) {
    throw failure(code, otherwise, { cause })
  }
}

/** Rounds of one key derivation, and of all in a file. OpenSSL writes 2 048; advice for passwords is at 600 000. */
const MAX_ROUNDS = 1_000_000
const MAX_ROUNDS_IN_ALL = 4_000_000

/**
 * Refuses what would take minutes to derive keys for: a file says itself how many rounds (RFC 8018 §4.2). Salt and rounds
 * stand side by side in all of PBES1, PBES2 and the MAC of PKCS#12.
 */
function affordable(root: Asn1): Asn1 {
  let total = 0
  const visit = (element: Asn1, depth: number): void => {
    const { value } = element
    const children = is(element, OCTET_STRING) ? wrapped(value) : typeof value === 'string' ? [] : value
    for (const [i, each] of children.entries()) {
      if (is(each, INTEGER) && is(children[i - 1], OCTET_STRING)) total += rounds(each.value)
      if (total > MAX_ROUNDS_IN_ALL)
        throw failure(code, 'opening it takes more rounds of key derivation than are allowed')
      if (depth < MAX_DEPTH) visit(each, depth + 1)
    }
  }
  visit(root, 0)
  return root
}

const UNIVERSAL = 0
const INTEGER = 2
const OCTET_STRING = 4
/** Levels looked into; a shrouded key bag is at the fifteenth. */
const MAX_DEPTH = 40

function is(element: Asn1 | undefined, type: number): boolean {
  return element?.tagClass === UNIVERSAL && element.type === type
}

function rounds(value: Asn1['value']): number {
  let sum = 0
  for (const octet of typeof value === 'string' ? value : '') sum = sum * 256 + octet.charCodeAt(0)
  return sum > MAX_ROUNDS ? Number.POSITIVE_INFINITY : sum
}

/** What an OCTET STRING wraps, where that is BER itself; in BER it may come in pieces. */
function wrapped(value: Asn1['value']): readonly Asn1[] {
  const text =
    typeof value === 'string'
      ? value
      : value.map((piece) => (typeof piece.value === 'string' ? piece.value : '')).join('')
  if (!text.startsWith('\x30')) return []
  try {
    return [forge.asn1.fromDer(text, { strict: false })]
  } catch {
    return []
  }
}
