// Private keys as people keep them, brought to unencrypted PKCS#8 (RFC 5958): PEM or DER of PKCS#8, PKCS#1 (RFC 8017)
// and SEC 1 (RFC 5915). What is encrypted is opened in forge-credentials.ts, loaded only then. Foreign kinds are
// recognised to be named. No key material enters an error.
import { type Bytes, fromHex } from '../bytes/index.js'
import { curveIds, keyIds } from '../crypto/oid.js'
import type { CurveName } from '../crypto/provider.js'
import { type Der, der, element, tags } from '../der/index.js'
import { failure, loaded } from '../errors.js'
import { printable } from './name-text.js'
import { type PemBlock, parsePem, pemText } from './pem.js'

/** A PKCS#8 key and what can be told about it without any cryptography. */
export interface PrivateKey {
  /** DER PrivateKeyInfo. */
  readonly pkcs8: Bytes
  readonly kind: 'rsa' | 'ec' | 'ed25519'
  readonly curve?: CurveName
  /** Content octets of an RSA key's modulus, which is public. */
  readonly modulus?: Bytes
}

const code = 'ERR_CONFIG_IDENTITY'

const foreign: Readonly<Record<string, string>> = {
  'OPENSSH PRIVATE KEY': 'an OpenSSH key; convert a copy with ssh-keygen -p -m PKCS8',
  'PIV YUBIKEY PRIVATE KEY': 'a reference to a key inside a YubiKey; pass a Signer that uses the device',
  'TSS2 PRIVATE KEY': 'a key wrapped by a TPM; pass a Signer that uses the device',
  'DSA PRIVATE KEY': 'a DSA key, which TLS no longer uses',
  'PGP PRIVATE KEY BLOCK': 'an OpenPGP key',
  'SSH2 ENCRYPTED PRIVATE KEY': 'an SSH key of RFC 4716; convert it to PKCS#8',
}

/** Read a key. Throws ERR_CONFIG_IDENTITY, and ERR_CONFIG_PASSPHRASE where it is encrypted. */
export async function readPrivateKey(
  input: string | Uint8Array,
  passphrase: string | undefined,
): Promise<PrivateKey> {
  const text = typeof input === 'string' ? input : pemText(input)
  if (text === undefined) return fromDer(input as Uint8Array, passphrase)
  const blocks = parsePem(text, code)
  const block = blocks.find(({ label }) => label.includes('PRIVATE KEY'))
  if (block === undefined) throw failure(code, notAKey(text, blocks))
  const kind = foreign[block.label]
  if (kind !== undefined) throw failure(code, `the private key is ${kind}`)
  if (!['PRIVATE KEY', 'ENCRYPTED PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY'].includes(block.label))
    throw failure(code, `"${printable(block.label)}" is not a supported kind of private key`)
  const encryption = block.headers.get('DEK-Info')
  if (encryption === undefined) return fromDer(block.der, passphrase)
  // RFC 1421 §4.6.1.3, as OpenSSL's traditional format uses it.
  const secret = requirePassphrase(passphrase)
  const { decryptTraditional } = await loaded(import('./forge-credentials.js'))
  return opened(() => decryptTraditional(block.der, encryption, secret), fromPlain)
}

/** The kind of an unencrypted PKCS#8 key. */
export function readPkcs8(pkcs8: Uint8Array): PrivateKey {
  const info = der(pkcs8, code).inside(tags.sequence)
  // RFC 5958 §2: v1, or v2 with the public key.
  if (info.small() > 1) info.fail('an unknown version of PKCS#8')
  const algorithm = info.sequence()
  const type = algorithm.oid()
  const key = info.octets()
  const own = new Uint8Array(pkcs8)
  if (type === keyIds.rsa || type === keyIds.rsaPss) {
    const numbers = info.nested(key).inside(tags.sequence)
    numbers.small()
    return { pkcs8: own, kind: 'rsa', modulus: new Uint8Array(numbers.integer()) }
  }
  if (type === keyIds.ed25519) return { pkcs8: own, kind: 'ed25519' }
  const curve = type === keyIds.ec && algorithm.peek() === tags.oid ? curveIds[algorithm.oid()] : undefined
  if (curve === undefined)
    throw failure(code, `a private key of an algorithm or curve that is not supported${known(type)}`)
  return { pkcs8: own, kind: 'ec', curve }
}

/** An algorithm's name in brackets. In a malformed file anything can stand in its place, the key too: none is as long as one. */
function known(type: string): string {
  return type.length > 32 ? '' : ` (${type})`
}

async function fromDer(bytes: Uint8Array, passphrase: string | undefined): Promise<PrivateKey> {
  const outer = der(bytes, code).inside()
  // RFC 5958 §3: EncryptedPrivateKeyInfo begins with an AlgorithmIdentifier, everything else with a version.
  if (outer.tag !== tags.sequence || outer.peek() !== tags.sequence) return fromPlain(bytes)
  if (outer.sequence().peek() !== tags.oid || outer.peek() !== tags.octetString)
    throw failure(code, 'no private key (a certificate, perhaps)')
  const secret = requirePassphrase(passphrase)
  const { decryptPkcs8 } = await loaded(import('./forge-credentials.js'))
  return opened(() => decryptPkcs8(bytes, secret), readPkcs8)
}

/** PKCS#8, PKCS#1 or SEC 1, told apart by what follows the version. */
function fromPlain(bytes: Uint8Array): PrivateKey {
  const key = der(bytes, code).inside(tags.sequence)
  const version = key.small()
  switch (key.peek()) {
    case tags.sequence:
      // RFC 7292 §4: a PFX has version 3.
      if (version === 3) throw failure(code, 'a PKCS#12 file; pass it as `pkcs12`')
      return readPkcs8(bytes)
    case tags.integer: {
      // RFC 8017 §A.1.2: eight integers after the version; DSA keys have five.
      for (let i = 0; i < 8; i++) key.integer()
      key.end()
      return readPkcs8(wrap(bytes, fromHex('06092a864886f70d010101'), fromHex('0500')))
    }
    case tags.octetString:
      return readPkcs8(wrap(bytes, fromHex('06072a8648ce3d0201'), sec1Curve(key)))
    default:
      throw failure(code, 'not a private key')
  }
}

/** The namedCurve of an ECPrivateKey, encoded. */
function sec1Curve(key: Der): Bytes {
  key.octets()
  const parameters = key.optional(0xa0)?.inside(tags.oid)
  // RFC 5915 §3: the parameters are always there in a file that stands alone.
  if (parameters === undefined) key.fail('an EC key without its curve')
  return parameters.encoded
}

function wrap(key: Uint8Array, type: Bytes, parameters: Bytes): Bytes {
  const version = fromHex('020100')
  return element(
    tags.sequence,
    version,
    element(tags.sequence, type, parameters),
    element(tags.octetString, key),
  )
}

/** Bytes that do not read as a key after decryption mean a wrong passphrase, whatever the padding said. */
function opened(decrypt: () => Bytes, read: (plain: Bytes) => PrivateKey): PrivateKey {
  const plain = decrypt()
  try {
    return read(plain)
  } catch {
    throw failure('ERR_CONFIG_PASSPHRASE', 'it does not open the key')
  }
}

function requirePassphrase(passphrase: string | undefined): string {
  if (passphrase === undefined) throw failure('ERR_CONFIG_PASSPHRASE', 'none was given')
  return passphrase
}

function notAKey(text: string, blocks: readonly PemBlock[]): string {
  if (text.startsWith('PuTTY-User-Key-File'))
    return 'a PuTTY key; export it with puttygen in OpenSSH format, then as PKCS#8'
  if (/^(?:ssh|ecdsa|sk)-/.test(text)) return 'an SSH public key'
  if (text.trimStart().startsWith('{')) return 'JSON; import a JWK with WebCrypto and pass the CryptoKey'
  const labels = [...new Set(blocks.map(({ label }) => printable(label)))]
  return labels.length === 0 ? 'no PEM block in the private key' : `no private key among ${labels.join(', ')}`
}
