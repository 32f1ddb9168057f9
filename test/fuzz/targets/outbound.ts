// What proxies on the way out answer: to CONNECT and to SOCKS5, in any pieces. The answer ends where it ends, to the byte: what
// follows belongs to the tunnel.
import fc from 'fast-check'
import { equal, latin1 } from '../../../src/bytes/index.js'
import type { Layer } from '../../../src/layer.js'
import { httpConnect } from '../../../src/platform/node/http-connect.js'
import { socks5 } from '../../../src/platform/node/socks5.js'
import { cut, cuts, mutated, mutatedText } from '../bytes.js'
import { runLayer } from '../layer-run.js'
import { must, type Target, target } from '../target.js'

interface Answer {
  readonly bytes: Uint8Array
  readonly cuts: number[]
  readonly secret: boolean
  readonly end: boolean
}

const address = { host: 'origin.example.com', port: 443 }
const user = { user: 'user', password: 'very-secret' }

function outboundTarget(
  name: string,
  what: string,
  bytes: fc.Arbitrary<Uint8Array>,
  layer: (secret: boolean) => Layer<object>,
): Target {
  return target(name, what, () => ({
    input: fc.record({ bytes, cuts, secret: fc.boolean(), end: fc.boolean() }),
    async execute({ bytes, cuts: sizes, secret, end }: Answer) {
      const after = end
        ? (each: Layer<object>, sink: Parameters<typeof each.start>[0]) => each.eof(undefined, sink)
        : undefined
      const whole = await runLayer(layer(secret), [bytes.slice()], after)
      const pieced = await runLayer(layer(secret), cut(bytes, sizes), after)
      must(
        whole.error?.code === pieced.error?.code,
        `${whole.error?.code} whole, ${pieced.error?.code} in pieces`,
      )
      must(equal(Buffer.concat(whole.up), Buffer.concat(pieced.up)), 'what rises depends on the pieces')
      must(equal(Buffer.concat(whole.down), Buffer.concat(pieced.down)), 'what is sent depends on the pieces')
      must(Buffer.concat(whole.down).length < 1024, 'the client says more than a kilobyte')
      must(
        whole.error === undefined || whole.error.code.startsWith('ERR_PROXY_'),
        `a proxy that ends with ${whole.error?.code}`,
      )
      must(
        !JSON.stringify([whole.error?.message, whole.error?.evidence]).includes(user.password),
        'the password is in the error',
      )
    },
  }))
}

const connectAnswers = mutatedText(
  [
    'HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\nfirst bytes',
    'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 3\r\n\r\nno\n',
    'HTTP/1.0 503 Service Unavailable\r\n\r\n',
  ],
  [
    '\r\n',
    '\n',
    '\r',
    '\0',
    ' ',
    ':',
    'HTTP/1.1 100 Continue\r\n\r\n',
    'Content-Length: 5\r\n',
    '\t',
    '\xa0',
    ',',
  ],
).map((text) => latin1(text.replace(/[^\0-\xff]/g, '?')))

export const httpConnectTarget: Target = outboundTarget(
  'http-connect',
  "an HTTP proxy's answers",
  connectAnswers,
  (secret) => httpConnect({ target: address, ...(secret && { credentials: user }) }),
)

const socksAnswers = mutated([
  Uint8Array.from([5, 2, 1, 0, 5, 0, 0, 1, 127, 0, 0, 1, 0, 80, 1, 2, 3]),
  Uint8Array.from([5, 0, 5, 0, 0, 3, 3, 97, 98, 99, 0, 80]),
  Uint8Array.from([5, 0, 5, 0, 0, 4, ...new Uint8Array(18)]),
  Uint8Array.from([5, 0, 5, 4, 0, 1]),
])
export const socks5ClientTarget: Target = outboundTarget(
  'socks5-client',
  "a SOCKS5 proxy's answers",
  socksAnswers,
  (secret) => socks5({ target: address, ...(secret && { credentials: user }) }),
)
