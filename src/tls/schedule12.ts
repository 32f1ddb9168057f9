// The secrets of TLS 1.2: premaster secret to master secret, master secret to keys, Finished and exporter. RFC 5246 §6.3,
// §7.4.9, §8.1; RFC 7627 §4; RFC 5705. Functions of their arguments only.
import { type Bytes, concat, Writer } from '../bytes/index.js'
import { prf12 } from '../crypto/prf.js'
import type { CipherSuite, Hash } from '../crypto/provider.js'
import { bounded } from './bounded.js'
import type { RecordKeys } from './protection.js'
import { hasExplicitNonce, SALT_LENGTH } from './protection12.js'

export interface Randoms {
  readonly client: Uint8Array
  readonly server: Uint8Array
}

/** RFC 7627 §4: `sessionHash` is the hash of ClientHello...ClientKeyExchange. */
export function extendedMasterSecret(hash: Hash, premaster: Uint8Array, sessionHash: Uint8Array): Bytes {
  return prf12(hash, premaster, 'extended master secret', sessionHash, 48)
}

/** RFC 5246 §6.3: the key block; AEADs have no MAC keys. */
export function recordKeys(
  suite: CipherSuite,
  master: Uint8Array,
  { client, server }: Randoms,
): { readonly client: RecordKeys; readonly server: RecordKeys } {
  const { keyLength } = suite.aead
  const ivLength = hasExplicitNonce(suite) ? SALT_LENGTH : 12
  const seed = concat(server, client)
  const block = prf12(suite.hash, master, 'key expansion', seed, 2 * (keyLength + ivLength))
  const keys = (side: 0 | 1): RecordKeys => {
    const iv = new Uint8Array(12)
    const at = 2 * keyLength + side * ivLength
    iv.set(block.subarray(at, at + ivLength))
    return { key: block.slice(side * keyLength, (side + 1) * keyLength), iv }
  }
  return { client: keys(0), server: keys(1) }
}

/** RFC 5246 §7.4.9: the verify_data of a side's Finished. */
export function verifyData(
  hash: Hash,
  master: Uint8Array,
  side: 'client' | 'server',
  transcript: Uint8Array,
): Bytes {
  return prf12(hash, master, `${side} finished`, transcript, 12)
}

/** RFC 5705 §4: no context and an empty one are not the same here. */
export function exportKeyingMaterial12(
  hash: Hash,
  master: Uint8Array,
  { client, server }: Randoms,
  label: string,
  context: Uint8Array | undefined,
  length: number,
): Bytes {
  // RFC 5705 §4: the length of a context has two bytes. A key of a length that is no number would be an empty one.
  if (context !== undefined) bounded('context.length', context.length, 0, 0xffff)
  bounded('length', length)
  const seed = new Writer().bytes(client).bytes(server)
  if (context !== undefined) seed.vector(2, () => seed.bytes(context))
  return prf12(hash, master, label, seed.finish(), length)
}
