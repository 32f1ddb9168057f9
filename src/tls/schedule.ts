// The key schedule of RFC 8446 §7.1, with the RFC's labels:
//
//   PSK or 0 ─► Extract = Early Secret ─► Derive "derived"
//   (EC)DHE  ─► Extract = Handshake Secret ─► "c hs traffic", "s hs traffic" ─► Derive "derived"
//   0        ─► Extract = Master Secret ─► "c ap traffic", "s ap traffic", "exp master", "res master"
//
// Functions of their arguments only; who may hold which secret is decided in handshake13.
import { type Bytes, utf8 } from '../bytes/index.js'
import { deriveSecret, hkdfExpandLabel, hkdfExtract } from '../crypto/hkdf.js'
import type { CipherSuite, Hash } from '../crypto/provider.js'
import { bounded } from './bounded.js'

const EMPTY = new Uint8Array(0)

export interface TrafficSecrets {
  readonly client: Bytes
  readonly server: Bytes
}

/** What the Handshake Secret is extracted with where there is no PSK: the same always, and no secret. */
const salts = /* @__PURE__ */ new WeakMap<Hash, Bytes>()

/** Without a PSK a string of zeros stands for it. */
export function earlySecret(hash: Hash, psk: Uint8Array = new Uint8Array(hash.length)): Bytes {
  return hkdfExtract(hash, new Uint8Array(hash.length), psk)
}

/** `early` is undefined without a PSK. */
export function handshakeSecret(hash: Hash, early: Uint8Array | undefined, shared: Uint8Array): Bytes {
  if (early !== undefined) return hkdfExtract(hash, derived(hash, early), shared)
  let salt = salts.get(hash)
  if (salt === undefined) {
    salt = derived(hash, earlySecret(hash))
    salts.set(hash, salt)
  }
  return hkdfExtract(hash, salt, shared)
}

export function masterSecret(hash: Hash, handshake: Uint8Array): Bytes {
  return hkdfExtract(hash, derived(hash, handshake), new Uint8Array(hash.length))
}

function derived(hash: Hash, secret: Uint8Array): Bytes {
  return deriveSecret(hash, secret, 'derived', emptyHash(hash))
}

const emptyHashes = /* @__PURE__ */ new WeakMap<Hash, Bytes>()

/** The hash of no messages: the same always. */
export function emptyHash(hash: Hash): Bytes {
  let digest = emptyHashes.get(hash)
  if (digest === undefined) {
    digest = hash.digest(EMPTY)
    emptyHashes.set(hash, digest)
  }
  return digest
}

/** `transcript` is the hash of ClientHello...ServerHello. */
export function handshakeTraffic(hash: Hash, handshake: Uint8Array, transcript: Uint8Array): TrafficSecrets {
  return {
    client: deriveSecret(hash, handshake, 'c hs traffic', transcript),
    server: deriveSecret(hash, handshake, 's hs traffic', transcript),
  }
}

/** `transcript` is the hash of ClientHello...server Finished. */
export function applicationTraffic(hash: Hash, master: Uint8Array, transcript: Uint8Array): TrafficSecrets {
  return {
    client: deriveSecret(hash, master, 'c ap traffic', transcript),
    server: deriveSecret(hash, master, 's ap traffic', transcript),
  }
}

/** `transcript` is the hash of ClientHello...server Finished. */
export function exporterMasterSecret(hash: Hash, master: Uint8Array, transcript: Uint8Array): Bytes {
  return deriveSecret(hash, master, 'exp master', transcript)
}

/** `transcript` is the hash of ClientHello...client Finished. */
export function resumptionMasterSecret(hash: Hash, master: Uint8Array, transcript: Uint8Array): Bytes {
  return deriveSecret(hash, master, 'res master', transcript)
}

/** RFC 8446 §4.6.1: the PSK that a ticket stands for. */
export function ticketPsk(hash: Hash, resumptionMaster: Uint8Array, nonce: Uint8Array): Bytes {
  return hkdfExpandLabel(hash, resumptionMaster, 'resumption', nonce, hash.length)
}

/** Secrets in buffers of ours, overwritten. The engine may have copies; these are not among them. */
export function forget(...secrets: readonly Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0)
}

/** RFC 8446 §7.2. */
export function nextTrafficSecret(hash: Hash, secret: Uint8Array): Bytes {
  return hkdfExpandLabel(hash, secret, 'traffic upd', EMPTY, hash.length)
}

/** RFC 8446 §7.3. */
export function trafficKeys(
  suite: CipherSuite,
  secret: Uint8Array,
): { readonly key: Bytes; readonly iv: Bytes } {
  return {
    key: hkdfExpandLabel(suite.hash, secret, 'key', EMPTY, suite.aead.keyLength),
    iv: hkdfExpandLabel(suite.hash, secret, 'iv', EMPTY, 12),
  }
}

/** RFC 8446 §4.4.4: the verify_data of a Finished under a traffic secret. */
export function finishedMac(hash: Hash, secret: Uint8Array, transcript: Uint8Array): Bytes {
  return hash.hmac(hkdfExpandLabel(hash, secret, 'finished', EMPTY, hash.length), transcript)
}

/** RFC 8446 §7.5: TLS-Exporter. */
export function exportKeyingMaterial(
  hash: Hash,
  exporterMaster: Uint8Array,
  label: string,
  context: Uint8Array = EMPTY,
  length: number,
): Bytes {
  // RFC 5869 §2.3, RFC 8446 §7.1: what lengths in a byte, and HKDF's counter, can say.
  bounded('label.length', utf8(label).length, 0, 249)
  bounded('length', length, 0, 255 * hash.length)
  const secret = deriveSecret(hash, exporterMaster, label, emptyHash(hash))
  return hkdfExpandLabel(hash, secret, 'exporter', hash.digest(context), length)
}
