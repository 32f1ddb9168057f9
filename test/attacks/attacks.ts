// What strangers and false friends do at the gateway's doors, one attack a row: how it is made, how it must look from
// outside, and by which code it must be counted. `run.ts` runs them against `underpass serve` beside a canary.
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { Authority, Issued, LeafOptions } from '../support/certificates.js'
import { createAuthority } from '../support/certificates.js'
import { codeOf, dialRaw, innerTls, outer, request, upgradeLines } from '../unit/gateway/clients.js'

export interface Target {
  readonly upgrade: number
  readonly direct: number
  readonly host: Authority
  readonly users: Authority
  readonly alice: Issued
  /** How often an attack is repeated is multiplied by this. */
  readonly scale: number
}

export interface Attack {
  readonly name: string
  /** Codes by which the gateway counts it; none where it is no refusal. */
  readonly codes: readonly string[]
  /** Attempts made, and what each saw, by kind. */
  run(target: Target): Promise<Seen>
  /** What must have been seen, and nothing else. */
  readonly sees: RegExp
}

export interface Seen {
  readonly attempts: number
  readonly outcomes: Readonly<Record<string, number>>
}

const webSocketLines = upgradeLines(
  ...['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'],
  ...['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Protocol: alpn-ping'],
)
const path = '/webapi/connectionupgrade'

export const attacks: readonly Attack[] = [
  {
    name: 'slow-loris: request heads that dribble in',
    codes: ['ERR_GATEWAY_UPGRADE'],
    sees: /^408$|^closed$/,
    run: (target) => many(target, 100, () => drip(target.upgrade)),
  },
  {
    name: 'slow ClientHello behind a granted upgrade',
    codes: ['ERR_TIMEOUT', 'ERR_GATEWAY_LIMIT'],
    sees: /^closed$/,
    run: (target) =>
      many(target, 60, async () => {
        const { socket } = await request(target.upgrade, upgradeLines('Upgrade: alpn', 'Connection: Upgrade'))
        socket.write(Buffer.of(22, 3, 1, 0, 200, 1))
        return gone(socket)
      }),
  },
  {
    name: 'header bombs of 64 KiB',
    codes: ['ERR_GATEWAY_UPGRADE'],
    sees: /^431$|^closed$/,
    run: (target) =>
      many(target, 200, () =>
        status(target.upgrade, `GET ${path} HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(65_536)}\r\n\r\n`),
      ),
  },
  {
    name: 'half-open handshakes from one address',
    // The last hundred are still there when the attacker goes.
    codes: ['ERR_GATEWAY_LIMIT', 'ERR_GATEWAY_HANDSHAKE', 'ERR_STREAM_RESET'],
    sees: /^left open$/,
    run: async (target) => {
      const open: Socket[] = []
      const seen = await many(target, 10_000, async () => {
        const socket = await dialRaw(target.upgrade)
        socket.write(`${upgradeLines('Upgrade: alpn').join('\r\n')}\r\n\r\n`)
        socket.resume()
        open.push(socket)
        return 'left open'
      })
      for (const socket of open) socket.destroy()
      return seen
    },
  },
  {
    name: 'ClientHello that claims 16 MiB',
    codes: ['ERR_GATEWAY_LIMIT', 'ERR_GATEWAY_HANDSHAKE', 'ERR_TLS_LIMIT'],
    sees: /^alert \d+$|^closed$/,
    run: (target) =>
      many(target, 100, async () => {
        const socket = await dialRaw(target.direct)
        const fragment = Buffer.concat([Buffer.of(1, 255, 255, 255), Buffer.alloc(16_000)])
        const record = Buffer.concat([
          Buffer.of(22, 3, 1, fragment.length >> 8, fragment.length & 255),
          fragment,
        ])
        for (let i = 0; i < 4; i++) socket.write(record)
        return alertOf(socket)
      }),
  },
  {
    name: 'flood of unknown ALPN names',
    codes: ['ERR_GATEWAY_NO_ROUTE'],
    sees: /^ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL$/,
    run: (target) => many(target, 200, (n) => handshake(target, { ALPNProtocols: [`unknown-${n}`] })),
  },
  {
    name: 'route reached without a certificate',
    codes: ['ERR_GATEWAY_DENIED'],
    sees: refused(),
    run: (target) => many(target, 30, () => handshake(target, { cert: undefined, key: undefined } as never)),
  },
  certificate('certificate of another authority', async () =>
    (await createAuthority()).issue({ commonName: 'alice', usage: 'client' }),
  ),
  certificate('certificate that signed itself', async () => {
    const own = await createAuthority({ name: 'alice' })
    return { chain: own.certificate, privateKey: own.privateKey }
  }),
  issued('expired certificate', { notBefore: days(-9), notAfter: days(-1) }),
  issued('certificate of tomorrow', { notBefore: days(1), notAfter: days(9) }),
  issued("server's certificate as a client's", { usage: 'server' }),
  {
    name: 'names in a certificate that would break the log line',
    codes: [],
    sees: /^admitted$/,
    run: async (target) => {
      const names = [
        'a\nb',
        '\u001b[2J\u001b[31mroot',
        '{"level":"fatal"}',
        '\u2028\u202e\u009b',
        '"}\r\n{"msg":"tunnel opened"',
      ]
      return many({ ...target, scale: 1 }, names.length, async (n) => {
        const escaped = names[n]!.replace(/[",\\]/g, '\\$&')
        const made = await target.users.issue({ subject: `CN=${escaped}`, usage: 'client' })
        return handshake(target, { cert: made.chain, key: made.privateKey })
      })
    },
  },
  {
    name: 'requests that two readers read differently',
    codes: ['ERR_GATEWAY_UPGRADE'],
    sees: /^400$/,
    run: (target) => each(target, 10, shapes, (text) => status(target.upgrade, text)),
  },
  {
    name: 'path tricks',
    codes: ['ERR_GATEWAY_UPGRADE'],
    sees: /^404$|^400$/,
    run: (target) =>
      each(target, 10, pathTricks, (trick) =>
        status(
          target.upgrade,
          `GET ${trick} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: alpn\r\n\r\n`,
        ),
      ),
  },
  {
    name: 'a frame that claims 2^63 bytes',
    codes: ['ERR_WS_TOO_LARGE'],
    sees: /^close 1009$/,
    run: (target) =>
      many(target, 50, () => frames(target, Buffer.from('82ff800000000000000000000000', 'hex'))),
  },
  {
    name: 'fragment floods',
    codes: ['ERR_WS_TOO_LARGE'],
    sees: /^close 1008$/,
    run: (target) =>
      many(target, 10, () =>
        frames(
          target,
          Buffer.concat([frame(2, false), ...Array.from({ length: 5_000 }, () => frame(0, false))]),
        ),
      ),
  },
  {
    name: 'ping floods',
    codes: ['ERR_GATEWAY_LIMIT'],
    sees: /^close 1008$/,
    run: (target) =>
      many(target, 10, () =>
        frames(target, Buffer.concat(Array.from({ length: 5_000 }, () => frame(9, true)))),
      ),
  },
]

const head = `GET ${path} HTTP/1.1\r\n`
const shapes = [
  `${head}Host: x\r\nUpgrade: alpn\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n`,
  `${head}Host: x\nUpgrade: alpn\r\n\r\n`,
  `${head}Host: x\r\nX-A: b\r\n c\r\nUpgrade: alpn\r\n\r\n`,
  `${head}Host: x\r\nUpgrade: alpn\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  `${head}Host: x\r\nHost: y\r\nUpgrade: alpn\r\n\r\n`,
  `${head}Upgrade: alpn\r\n\r\n`,
] as const

const pathTricks = [
  `${path}/`,
  `/${path}`,
  '/webapi/%63onnectionupgrade',
  `/x/..${path}`,
  '/webapi/./connectionupgrade',
  `${path};x=y`,
  `${path}%00`,
  path.toUpperCase(),
  `http://169.254.169.254${path}`,
  '*',
] as const

async function many(
  { scale }: Target,
  count: number,
  attempt: (n: number) => Promise<string>,
): Promise<Seen> {
  const attempts = Math.ceil(count * scale)
  const outcomes: Record<string, number> = {}
  let n = 0
  const lane = async () => {
    while (n < attempts) {
      const outcome = await attempt(n++)
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: Math.min(100, attempts) }, lane))
  return { attempts, outcomes }
}

function each<T>(
  target: Target,
  times: number,
  list: readonly T[],
  attempt: (one: T) => Promise<string>,
): Promise<Seen> {
  return many(target, times * list.length, (n) => attempt(list[n % list.length]!))
}

function certificate(
  name: string,
  make: (target: Target) => Promise<Pick<Issued, 'chain' | 'privateKey'>>,
): Attack {
  return {
    name,
    codes: ['ERR_GATEWAY_DENIED'],
    sees: refused(),
    run: async (target) => {
      const { chain, privateKey } = await make(target)
      return many(target, 30, () => handshake(target, { cert: chain, key: privateKey }))
    },
  }
}

function issued(name: string, options: LeafOptions): Attack {
  return certificate(name, ({ users }) => users.issue({ commonName: 'alice', usage: 'client', ...options }))
}

/** TLS 1.3 is open for the client before the server has judged it: what it hears is that it was cut. */
function refused(): RegExp {
  return /^cut$|^CLOSED$|ECONNRESET|ALERT/
}

function days(count: number): Date {
  return new Date(Date.now() + count * 86_400_000)
}

function own({ host, alice }: Target): ConnectionOptions {
  return { ca: host.certificate, cert: alice.chain, key: alice.privateKey, servername: 'gateway.test' }
}

/** What becomes of an inner handshake and one word to the service. */
async function handshake(target: Target, options: ConnectionOptions): Promise<string> {
  const attempt = (async () => {
    const secure = await innerTls(await outer('direct', target), { ...own(target), ...options })
    secure.write('word')
    return new Promise<string>((resolve, reject) => {
      secure.once('data', () => {
        secure.end()
        resolve('admitted')
      })
      secure.once('end', () => resolve('cut'))
      secure.once('error', reject)
      secure.once('close', () => resolve('cut'))
    })
  })()
  const code = await codeOf(attempt)
  return code === 'no failure' ? attempt : code
}

async function drip(port: number): Promise<string> {
  const socket = await dialRaw(port)
  const text = `GET ${path} HTTP/1.1\r\nHost: x\r\nX-Slow: ${'x'.repeat(500)}`
  let at = 0
  const timer = setInterval(() => socket.write(text.charAt(at++ % text.length)), 50)
  const answer = await statusOf(socket)
  clearInterval(timer)
  return answer
}

async function status(port: number, text: string): Promise<string> {
  const socket = await dialRaw(port)
  socket.write(text, 'latin1')
  return statusOf(socket)
}

async function statusOf(socket: Socket): Promise<string> {
  let all = ''
  try {
    for await (const chunk of socket) all += (chunk as Buffer).toString('latin1')
  } catch {
    // A reset, perhaps behind the answer.
  }
  socket.destroy()
  const statuses = all.match(/^HTTP\/1\.1 \d+/gm) ?? []
  return statuses.length === 0 ? 'closed' : statuses.map((line) => line.slice(9)).join(' and ')
}

async function alertOf(socket: Socket): Promise<string> {
  let all = Buffer.alloc(0)
  try {
    for await (const chunk of socket) all = Buffer.concat([all, chunk as Buffer])
  } catch {
    // A reset, perhaps behind the alert.
  }
  socket.destroy()
  return all[0] === 21 ? `alert ${all[6]}` : 'closed'
}

async function gone(socket: Socket): Promise<string> {
  socket.resume()
  socket.on('end', () => socket.end())
  if (!socket.destroyed) await once(socket, 'close')
  return 'closed'
}

function frame(opcode: number, fin: boolean): Buffer {
  return Buffer.of((fin ? 0x80 : 0) | opcode, 0x81, 0, 0, 0, 0, 3)
}

/** Frames to an open WebSocket; the code of the server's Close. RFC 6455 §5.5.1. */
async function frames(target: Target, bytes: Buffer): Promise<string> {
  const { socket } = await request(target.upgrade, webSocketLines)
  socket.write(bytes)
  let all = Buffer.alloc(0)
  try {
    for await (const chunk of socket) {
      all = Buffer.concat([all, chunk as Buffer])
      const at = all.indexOf(Buffer.of(0x88))
      if (at >= 0 && all.length >= at + 4) break
    }
  } catch {
    // Reset with the Close unread.
  }
  socket.destroy()
  const at = all.indexOf(Buffer.of(0x88))
  return at < 0 ? 'closed' : `close ${all.readUInt16BE(at + 2)}`
}
