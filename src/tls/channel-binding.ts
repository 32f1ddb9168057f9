// Channel bindings: what ties an authentication inside the connection to this connection. RFC 5929, RFC 9266.
import { type Bytes, latin1 } from '../bytes/index.js'
import type { CryptoProvider } from '../crypto/provider.js'
import type { Certificate } from '../pki/index.js'

export type ChannelBindingType = 'tls-exporter' | 'tls-server-end-point'

export function channelBinding(
  type: ChannelBindingType,
  { hashes }: Pick<CryptoProvider, 'hashes'>,
  { signed, der }: Certificate,
  exportKeyingMaterial: (label: string, context: Uint8Array, length: number) => Bytes,
): Bytes | undefined {
  // RFC 9266 §4.2: no context and an empty one are the same from TLS 1.3 on; 32 bytes.
  if (type === 'tls-exporter') return exportKeyingMaterial('EXPORTER-Channel-Binding', latin1(''), 32)
  const { algorithm } = signed
  // RFC 5929 §4.1: undefined for signatures that are not made of one hash.
  if (algorithm === undefined || algorithm.kind === 'ed25519') return undefined
  // RFC 5929 §4.1: SHA-256 in place of MD5 and SHA-1.
  return hashes[algorithm.hash === 'SHA-1' ? 'SHA-256' : algorithm.hash].digest(der)
}
