// A client that makes its TLS peer answer, and reads none of the answers: RFC 8446 §4.6.3 has every KeyUpdate that asks for one
// answered, and OpenSSL keeps the answers until they leave. What such a client may have us keep is bounded here, by what it
// sends beside application data while nothing of ours gets through to it.
import type { Duplex } from 'node:stream'
import { failure } from '../errors-node.js'

/**
 * Bytes. Also what records and framing add to application data counts, but only while the client takes nothing: fifty
 * thousand writes of one byte.
 */
const most = 1024 * 1024

/** Rejects with ERR_GATEWAY_LIMIT. `inner` is the TLS connection over `carrier`; both have to be flowing. */
export function unreadAnswers(carrier: Duplex, inner: Duplex): Promise<never> {
  const flooded = new Promise<never>((_, reject) => {
    let idle = 0
    carrier.on('data', (chunk: Buffer) => {
      idle = carrier.writableLength === 0 ? 0 : idle + chunk.length
      if (idle > most)
        reject(failure('ERR_GATEWAY_LIMIT', '1 MiB of TLS beside application data, and none of ours read'))
    })
    inner.on('data', (chunk: Buffer) => {
      idle = Math.max(0, idle - chunk.length)
    })
  })
  // The tunnel may have ended for another reason, and nobody waits any more.
  flooded.catch(() => {})
  return flooded
}
