// Answers to a connection upgrade: the parser of HTTP heads and the layer above it, in whatever pieces the bytes come.
import fc from 'fast-check'
import { base64, equal, latin1 } from '../../../src/bytes/index.js'
import { sha1 } from '../../../src/crypto/sha1.js'
import { type UpgradeInfo, upgrade } from '../../../src/tunnel/index.js'
import { cut, cuts, mutatedText } from '../bytes.js'
import { runLayer } from '../layer-run.js'
import { must, type Target, target } from '../target.js'

const protocols = ['websocket', 'alpn', 'alpn-ping'] as const
const key = base64(Uint8Array.from({ length: 16 }, (_, i) => i))
const accept = base64(sha1.digest(latin1(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)))
const limits = { httpHead: 64 * 1024, interim: 8 }

const answers = protocols.flatMap((protocol) => [
  `HTTP/1.1 101 Switching Protocols\r\nServer: nginx\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: alpn-ping\r\n\r\nrest of it`,
  `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 101 Switching\r\nupgrade: ${protocol}\r\nconnection: keep-alive, Upgrade\r\n\r\n`,
])
const refusals = [
  'HTTP/1.1 403 Forbidden\r\nServer: awselb/2.0\r\nContent-Length: 12\r\n\r\nnot for you\n',
  'HTTP/1.0 302 Found\r\nLocation: https://login.example.com/?a=b\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n',
]
// biome-ignore format: a list
const pieces = ['\r\n', '\n', '\r', '\0', ' ', '\t', ':', ',', 'HTTP/1.1 100 Continue\r\n\r\n', 'Upgrade: websocket\r\n', 'Content-Length: 0\r\n', 'Transfer-Encoding: chunked\r\n', ' folded\r\n', '\xa0', 'é', '"', ';', 'x']

interface Answer {
  readonly protocol: (typeof protocols)[number]
  readonly text: string
  readonly cuts: number[]
}

export const httpHeadTarget: Target = target('http-head', 'answers to a connection upgrade', () => ({
  input: fc.record({
    protocol: fc.constantFrom(...protocols),
    text: mutatedText([...answers, ...refusals], pieces),
    cuts,
  }),
  async execute({ protocol, text, cuts: sizes }: Answer) {
    const bytes = latin1(text.replace(/[^\0-\xff]/g, '?'))
    const fresh = () =>
      upgrade({
        host: 'origin.example.com',
        protocol,
        crypto: { random: (n) => Uint8Array.from({ length: n }, (_, i) => i) },
        limits,
      })
    const whole = await runLayer<UpgradeInfo>(fresh(), [bytes.slice()])
    const pieced = await runLayer<UpgradeInfo>(fresh(), cut(bytes, sizes))
    must(
      whole.error?.code === pieced.error?.code,
      `${whole.error?.code} whole, ${pieced.error?.code} in pieces`,
    )
    must(JSON.stringify(whole.info) === JSON.stringify(pieced.info), 'the answer depends on how it came')
    must(equal(Buffer.concat(whole.up), Buffer.concat(pieced.up)), 'what rises depends on how it came')
    must(
      equal(Buffer.concat(whole.down), Buffer.concat(pieced.down)),
      'what is sent depends on how the answer came',
    )
    for (const line of whole.error?.evidence ?? [])
      must(/^[\x20-\x7e]*$/.test(line), 'evidence that is not plain text')
    if (whole.info !== undefined)
      must(bytes.length - Buffer.concat(whole.up).length <= limits.httpHead, 'a head past its bound')
  },
}))
