// Raw bytes to the upgrade listener of a real gateway, over a socket: whatever comes, the gateway answers within HTTP or closes,
// and an honest request right after is served.
import { connect } from 'node:net'
import { latin1 } from '../../../src/bytes/index.js'
import { createGateway } from '../../../src/gateway/index.js'
import { createAuthority } from '../../support/certificates.js'
import { mutatedText } from '../bytes.js'
import { must, type Target, target } from '../target.js'

const path = '/webapi/connectionupgrade'
const head = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n`
const honest = head(`GET ${path} HTTP/1.1`, 'Host: gateway.test', 'Connection: Upgrade', 'Upgrade: alpn')
const bases = [
  honest,
  head(
    `GET ${path} HTTP/1.1`,
    'Host: gateway.test',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==',
    'Sec-WebSocket-Protocol: alpn-ping, alpn',
  ),
  head(
    `GET ${path} HTTP/1.1`,
    'Host: gateway.test',
    'X-Teleport-Upgrade: alpn-ping',
    'Upgrade: alpn-ping',
    'X-Forwarded-For: 192.0.2.1',
  ),
  `${honest}\x16\x03\x01\x00\x05hello`,
]
// biome-ignore format: a list
const pieces = ['\r\n', '\n', '\r', '\0', ' ', ':', ',', 'Host: other\r\n', 'Content-Length: 5\r\n', 'Content-Length: 0\r\n', 'Transfer-Encoding: chunked\r\n', ' folded\r\n', 'Upgrade: websocket\r\n', 'Sec-WebSocket-Extensions: permessage-deflate\r\n', 'HTTP/1.0', '../', '%2e%2e/', 'GET ', 'x', '\t', '\x16\x03\x01', '\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00']

export const gatewayUpgradeTarget: Target = target(
  'gateway-upgrade',
  'raw requests to a running gateway',
  async () => {
    const authority = await createAuthority()
    const server = await authority.issue({ names: ['gateway.test'] })
    let pending = 0
    const gateway = await createGateway({
      listen: { upgrade: { port: 0, forwardedFor: true } },
      identity: { certificate: server.chain, privateKey: server.privateKey },
      routes: [{ name: 'a', alpn: 'a', connect: { port: 9 }, client: { trust: authority.certificate } }],
    })
    const port = gateway.addresses.upgrade!.port
    /** Everything it says to these bytes, up to its answer's end or its own. */
    const ask = async (bytes: Uint8Array, end: boolean): Promise<string> => {
      const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
      let said = ''
      pending++
      socket.on('error', () => {})
      await new Promise<void>((resolve) => {
        socket.on('close', resolve)
        socket.on('end', () => socket.destroy())
        socket.on('data', (chunk: Buffer) => {
          said += chunk.toString('latin1')
          // Beyond the head, or a 101: what was asked is answered.
          if (said.includes('\r\n\r\n')) socket.destroy()
        })
        socket.on('connect', () => (end ? socket.end(bytes) : socket.write(bytes)))
      })
      pending--
      return said
    }
    return {
      input: mutatedText(bases, pieces).map((text) => latin1(text.replace(/[^\0-\xff]/g, '?'))),
      async execute(bytes: Uint8Array) {
        const said = await ask(bytes, true)
        if (said !== '') must(/^HTTP\/1\.1 \d{3} /.test(said), `it says ${JSON.stringify(said.slice(0, 60))}`)
        must(said.length < 64 * 1024, 'an answer of kilobytes')
        const served = await ask(latin1(honest), false)
        must(
          served.startsWith('HTTP/1.1 101 '),
          `an honest request is answered ${JSON.stringify(served.slice(0, 40))}`,
        )
        must(pending === 0, 'a connection is left')
      },
      close: () => gateway.close(),
    }
  },
)
