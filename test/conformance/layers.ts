// The layers of the tunnel fed by hand, whole and byte by byte.
import { describe, expect, it } from 'vitest'
import { concat, fromLatin1, hex, latin1 } from '../../src/bytes/index.js'
import { forgeHashes } from '../../src/crypto/index.js'
import type { Layer, Sink } from '../../src/layer.js'
import { pingFraming, upgrade, webSocket } from '../../src/tunnel/index.js'
import { codeOf } from './outcome.js'

// The nonce of RFC 6455 §1.3, whose answer is known.
const nonce = latin1('the sample nonce')
const accept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
const crypto = { hashes: forgeHashes, random: (length: number) => nonce.slice(0, length) }

const ways = [
  { way: 'whole', cut: (bytes: Uint8Array) => [bytes] },
  { way: 'byte by byte', cut: (bytes: Uint8Array) => Array.from(bytes, (_, at) => bytes.slice(at, at + 1)) },
]

export function layerBehaviour(): void {
  describe.each(ways)('read $way', ({ cut }) => {
    it('upgrade opens on its 101 and keeps the bytes behind it', async () => {
      const seen = recorder()
      const layer = upgrade({ host: 'lb.test', protocol: 'websocket', crypto })
      await layer.start(seen.sink)
      const request = fromLatin1(concat(...seen.down))
      expect(request).toMatch(/^GET \/webapi\/connectionupgrade HTTP\/1\.1\r\n/)
      expect(request.match(/^Upgrade: websocket\r$/gm)).toHaveLength(1)
      const head = [
        'HTTP/1.1 101 Switching Protocols',
        'Connection: Upgrade',
        'Upgrade: websocket',
        `Sec-WebSocket-Accept: ${accept}`,
        'Sec-WebSocket-Protocol: alpn-ping',
      ]
      await feed(layer, cut(latin1(`${head.join('\r\n')}\r\n\r\nglued`)), seen.sink)
      expect(seen.info).toMatchObject({ status: 101, framing: 'websocket', subprotocol: 'alpn-ping' })
      expect(fromLatin1(concat(...seen.up))).toBe('glued')
    })

    it('upgrade names what was answered instead', async () => {
      const seen = recorder()
      const layer = upgrade({ host: 'lb.test', protocol: 'alpn', crypto })
      await layer.start(seen.sink)
      const answer = latin1('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>')
      expect(await codeOf(() => feed(layer, cut(answer), seen.sink))).toBe('ERR_UPGRADE_STRIPPED')
    })

    it('websocket unframes data, answers a ping and refuses a masked frame', async () => {
      const seen = recorder()
      const layer = webSocket({ random: crypto.random })
      await layer.start(seen.sink)
      const frames = Uint8Array.of(0x02, 2, 1, 2, 0x89, 1, 9, 0x80, 1, 3)
      await feed(layer, cut(frames), seen.sink)
      expect(hex(concat(...seen.up))).toBe('010203')
      // A pong of one byte, masked with the sample nonce's first four bytes.
      expect(concat(...seen.down).length).toBe(7)
      expect(concat(...seen.down)[0]).toBe(0x8a)
      expect(await codeOf(() => feed(layer, cut(Uint8Array.of(0x82, 0x81, 0, 0, 0, 0, 1)), seen.sink))).toBe(
        'ERR_WS_MASKED',
      )
    })

    it('ping framing drops keep-alives and names a length that cannot be', async () => {
      const seen = recorder()
      const layer = pingFraming()
      await layer.start(seen.sink)
      await feed(layer, cut(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 2, 7, 8, 0, 0, 0, 0)), seen.sink)
      expect(hex(concat(...seen.up))).toBe('0708')
      expect(await codeOf(() => feed(layer, cut(Uint8Array.of(255, 255, 255, 255)), seen.sink))).toBe(
        'ERR_PING_TOO_LARGE',
      )
    })
  })
}

interface Recorder {
  readonly sink: Sink<unknown>
  readonly down: Uint8Array[]
  readonly up: Uint8Array[]
  info: unknown
}

function recorder(): Recorder {
  const seen: Recorder = {
    down: [],
    up: [],
    info: undefined,
    sink: {
      down: (chunk) => void seen.down.push(chunk),
      up: (chunk) => void seen.up.push(chunk),
      open: (info) => {
        seen.info = info
      },
      finish: () => {},
      eof: () => {},
      trace: () => {},
    },
  }
  return seen
}

async function feed(
  layer: Layer<unknown>,
  chunks: readonly Uint8Array[],
  sink: Sink<unknown>,
): Promise<void> {
  for (const chunk of chunks) await layer.receive(chunk, sink)
}
