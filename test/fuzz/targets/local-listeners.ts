// What clients of the local proxy say first: SOCKS5, HTTP CONNECT and PostgreSQL, through the wire that holds their bytes. A
// request that is let through is one that any other parser reads the same way.
import fc from 'fast-check'
import { latin1 } from '../../../src/bytes/index.js'
import { parseConnect } from '../../../src/proxy/connect-request.js'
import { conversation } from '../../../src/proxy/greet.js'
import { heldWire } from '../../../src/proxy/held-wire.js'
import type { ListenerOptions } from '../../../src/proxy/options.js'
import type { Wire, WireEvents } from '../../../src/stream/index.js'
import { cut, cuts, mutated, mutatedText } from '../bytes.js'
import { must, outcome, outcomeOf, type Target, target } from '../target.js'

interface Said {
  readonly bytes: Uint8Array
  readonly cuts: number[]
  readonly secret: boolean
}

const tunnel = { alpn: ['a'] }
const rules = [
  { host: 'db.example.com', target: tunnel },
  { host: '*.svc.example.com', port: 443, target: tunnel },
]

/** Ends with the code, or with where it leads. */
async function talk(
  speaks: 'socks5' | 'connect' | 'postgres',
  pieces: readonly Uint8Array[],
  secret: boolean,
): Promise<{ outcome: string; wrote: number }> {
  let events!: WireEvents
  let wrote = 0
  const wire: Wire = {
    start: (listener) => {
      events = listener
    },
    write(chunks) {
      for (const chunk of chunks) wrote += chunk.length
    },
    end: () => {},
    destroy: () => {},
  }
  const held = heldWire(wire, { request: 16 * 1024, early: 64 * 1024 })
  const credentials = secret ? { user: 'user', password: 'password' } : undefined
  const listener = (speaks === 'postgres'
    ? { speaks, target: tunnel }
    : { speaks, rules, credentials }) as unknown as ListenerOptions
  const said = conversation(listener, held)
  const greeted = outcomeOf(() => said.greet())
  let settled = false
  void greeted
    .finally(() => {
      settled = true
    })
    .catch(() => {})
  for (const piece of pieces) {
    // Held back once enough waits: a client that goes on is not read.
    const busy = events.data(piece)
    if (busy !== undefined) break
    for (let i = 0; i < 4 && !settled; i++) await undefined
    if (settled) break
  }
  if (!settled) void events.end(undefined)
  const { value, error } = await greeted
  if (error !== undefined) {
    wrote += said.refuse(error)?.length ?? 0
    return { outcome: error.code, wrote }
  }
  return { outcome: `${value.requested?.host} ${value.requested?.port}`, wrote }
}

function listenerTarget(
  name: string,
  what: string,
  speaks: 'socks5' | 'connect' | 'postgres',
  bytes: fc.Arbitrary<Uint8Array>,
  check: (bytes: Uint8Array) => void,
): Target {
  return target(name, what, () => ({
    input: fc.record({ bytes, cuts, secret: fc.boolean() }),
    async execute({ bytes, cuts: sizes, secret }: Said) {
      const whole = await talk(speaks, [bytes], secret)
      const pieced = await talk(speaks, cut(bytes, sizes), secret)
      must(whole.outcome === pieced.outcome, `${whole.outcome} whole, ${pieced.outcome} in pieces`)
      must(whole.wrote < 4096 && pieced.wrote < 4096, 'an answer of kilobytes')
      must(
        !/^ERR_/.test(whole.outcome) || /^ERR_LOCAL_/.test(whole.outcome),
        `a request that ends with ${whole.outcome}`,
      )
      check(bytes)
    },
  }))
}

const head = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n`
const connectTexts = mutatedText(
  [
    head(
      'CONNECT db.example.com:5432 HTTP/1.1',
      'Host: db.example.com:5432',
      'Proxy-Authorization: Basic dXNlcjpwYXNzd29yZA==',
    ),
    head('CONNECT [::1]:443 HTTP/1.0'),
    head('GET / HTTP/1.1', 'Host: a'),
  ],
  [
    '\r\n',
    '\n',
    '\r',
    '\n\n',
    '\r\n\r\n',
    ' ',
    '\t',
    ':',
    'Host: b\r\n',
    'Content-Length: 1\r\n',
    'Transfer-Encoding: chunked\r\n',
    '\0',
    'CONNECT ',
    'a.svc.example.com:443',
    '[',
    ']',
    '%',
    '\xa0',
  ],
).map((text) => latin1(text.replace(/[^\0-\xff]/g, '?').slice(0, 20_000)))

export const connectServerTarget: Target = listenerTarget(
  'connect-server',
  'HTTP CONNECT requests',
  'connect',
  connectTexts,
  (bytes) => {
    const found = outcome(() => parseConnect(bytes)).value
    if (found === undefined || !('request' in found.value)) return
    const text = Buffer.from(bytes.subarray(0, found.used)).toString('latin1')
    must(
      text.endsWith('\r\n\r\n') && !/[^\r]\n|\r[^\n]/.test(text),
      'a head with bare CR or LF is let through',
    )
    must(text.indexOf('\r\n\r\n') === text.length - 4, 'a head that goes on behind its end')
  },
)

const socks = [
  Uint8Array.from([
    5,
    2,
    0,
    2,
    1,
    4,
    ...latin1('user'),
    8,
    ...latin1('password'),
    5,
    1,
    0,
    3,
    14,
    ...latin1('db.example.com'),
    21,
    56,
  ]),
  Uint8Array.from([5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 0, 80]),
  Uint8Array.from([5, 1, 0, 5, 1, 0, 4, ...new Uint8Array(16).fill(1), 1, 187]),
]
export const socksServerTarget: Target = listenerTarget(
  'socks5-server',
  'SOCKS5 requests',
  'socks5',
  mutated(socks),
  () => {},
)

const startup = Uint8Array.from([
  0,
  0,
  0,
  8,
  4,
  210,
  22,
  47,
  0,
  0,
  0,
  20,
  0,
  3,
  0,
  0,
  ...latin1('user\0alice\0\0'),
])
const cancel = Uint8Array.from([0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 1, 0, 0, 0, 2])
export const postgresTarget: Target = listenerTarget(
  'postgres-server',
  "a PostgreSQL client's first packets",
  'postgres',
  mutated([startup, cancel]),
  () => {},
)
