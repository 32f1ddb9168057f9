// The server's half of a connection upgrade, as a layer for tunnels in memory: as little as a strict client needs.
import { base64, concat, fromLatin1, latin1 } from '../../src/bytes/index.js'
import { sha1 } from '../../src/crypto/sha1.js'
import type { Layer } from '../../src/layer.js'

/** Answers the request with a 101 for what it asks, and passes what follows. */
export function upgradeServer(): Layer<object> {
  let head: Uint8Array | undefined = new Uint8Array()
  return {
    name: 'upgrade-server',
    start: () => {},
    receive(chunk, sink) {
      if (head === undefined) return sink.up(chunk)
      head = concat(head, chunk)
      const text = fromLatin1(head)
      const end = text.indexOf('\r\n\r\n')
      if (end < 0) return
      const rest = head.subarray(end + 4)
      head = undefined
      const value = (name: string) => new RegExp(`^${name}: (.*)\r$`, 'im').exec(text)?.[1]
      const key = value('Sec-WebSocket-Key')
      const lines = [
        'HTTP/1.1 101 Switching Protocols',
        'Connection: Upgrade',
        `Upgrade: ${value('Upgrade')}`,
        ...(key === undefined
          ? []
          : [
              `Sec-WebSocket-Accept: ${base64(sha1.digest(latin1(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)))}`,
              `Sec-WebSocket-Protocol: ${value('Sec-WebSocket-Protocol')?.split(',')[0]}`,
            ]),
      ]
      sink.down(latin1(`${lines.join('\r\n')}\r\n\r\n`))
      sink.open({})
      if (rest.length > 0) sink.up(rest)
    },
    eof: (cause, sink) => sink.eof(cause),
    send: (chunk, sink) => sink.down(chunk),
    end: (sink) => sink.finish(),
  }
}
