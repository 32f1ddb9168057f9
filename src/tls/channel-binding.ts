// Channel bindings: what ties an authentication inside the connection to this connection. RFC 5929, RFC 9266.
import { type Bytes, latin1 } from '../bytes/index.js'
import type { CryptoProvider, Hash } from '../crypto/provider.js'
import type { Certificate } from '../pki/index.js'

export type ChannelBindingType = 'tls-exporter' | 'tls-server-end-point'

type Hashes = Pick<CryptoProvider, 'hashes'>

/** Load what `channelBinding` will need: it answers at once. */
export async function loadChannelBinding(crypto: Hashes, leaf: Certificate): Promise<void> {
  await endPointHash(crypto, leaf)?.load?.()
}

export function channelBinding(
  type: ChannelBindingType,
  crypto: Hashes,
  leaf: Certificate,
  exportKeyingMaterial: (label: string, context: Uint8Array, length: number) => Bytes,
): Bytes | undefined {
  // RFC 9266 §4.2: no context and an empty one are the same from TLS 1.3 on; 32 bytes.
  if (type === 'tls-exporter') return exportKeyingMaterial('EXPORTER-Channel-Binding', latin1(''), 32)
  return endPointHash(crypto, leaf)?.digest(leaf.der)
}

/** RFC 5929 §4.1: the hash of the signature, and undefined for signatures that are not made of one. */
function endPointHash({ hashes }: Hashes, { signed: { algorithm } }: Certificate): Hash | undefined {
  if (algorithm === undefined || algorithm.kind === 'ed25519') return undefined
  // RFC 5929 §4.1: SHA-256 in place of MD5 and SHA-1.
  return hashes[algorithm.hash === 'SHA-1' ? 'SHA-256' : algorithm.hash]
}
