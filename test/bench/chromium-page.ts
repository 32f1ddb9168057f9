// What the page of the Chromium benchmark does: the same work through a tunnel and through the same WebSocket without the
// inner TLS. The far end is server.ts.
import {
  type BrowserOptions,
  browserPlatform,
  createDialer,
  type DialerOptions,
  type WebSocketInterface,
} from '../../src/platform/browser/index.js'

/** Plain, or the tunnel. `software`: without crypto.subtle. */
export interface Way {
  readonly origin: string
  readonly webSocket: WebSocketInterface
  readonly tls?: Pick<DialerOptions, 'trust' | 'serverName' | 'alpn'> & {
    readonly identity: { readonly certificate: string; readonly privateKey: string }
  }
  readonly software?: boolean
}

interface Link {
  write(chunk: Uint8Array): Promise<void> | undefined
  listen(listener: (chunk: Uint8Array) => void): void
  close(): void
}

const links = new Map<string, Promise<Link>>()

/** Milliseconds of the inner handshake, after the WebSocket was open. */
export async function handshakes(way: Way, count: number): Promise<number> {
  const dialer = createDialer(await optionsOf(way))
  let sum = 0
  for (let i = 0; i < count; i++) {
    const socket = await dialer.connect()
    sum += socket.info.timings.innerTls ?? 0
    await socket.close()
  }
  await dialer.close()
  return sum / count
}

/** Milliseconds. */
export async function move(way: Way, what: 'download' | 'upload', bytes: number): Promise<number> {
  const link = await linkOf(way)
  const began = performance.now()
  if (what === 'download') await download(link, bytes)
  else await upload(link, bytes)
  return performance.now() - began
}

/** Milliseconds of one round trip of 100 bytes. */
export async function roundTrip(way: Way, count: number): Promise<number> {
  const link = await opened(way)
  const message = new Uint8Array(100)
  let began = 0
  let left = count
  let got = -1
  await new Promise<void>((resolve) => {
    link.listen((chunk) => {
      got += chunk.length
      if (began !== 0 && got < message.length) return
      if (began === 0) began = performance.now()
      got = 0
      if (left-- === 0) resolve()
      else void link.write(message)
    })
    void link.write(new TextEncoder().encode('E\n'))
  })
  const milliseconds = (performance.now() - began) / count
  link.close()
  return milliseconds
}

function download(link: Link, bytes: number): Promise<void> {
  let left = bytes
  return new Promise((resolve) => {
    link.listen((chunk) => {
      left -= chunk.length
      if (left === 0) resolve()
    })
    void link.write(new TextEncoder().encode(`D${bytes}\n`))
  })
}

async function upload(link: Link, bytes: number): Promise<void> {
  const piece = new Uint8Array(65_536)
  const done = new Promise<void>((resolve) => link.listen(() => resolve()))
  await link.write(new TextEncoder().encode(`U${bytes}\n`))
  for (let left = bytes; left > 0; left -= piece.length) {
    const wait = link.write(left < piece.length ? piece.subarray(0, left) : piece)
    if (wait !== undefined) await wait
  }
  await done
}

/** One connection for each way, kept. */
function linkOf(way: Way): Promise<Link> {
  const key = JSON.stringify([way.origin, way.webSocket])
  let link = links.get(key)
  if (link === undefined) {
    link = opened(way)
    links.set(key, link)
  }
  return link
}

async function opened(way: Way): Promise<Link> {
  return way.tls === undefined ? plain(way) : tunnel(way)
}

async function plain({ origin, webSocket }: Way): Promise<Link> {
  const { signal } = new AbortController()
  const { dialWebSocket } = browserPlatform({ crypto: { groups: [] } as never, webSocket })
  const url = `${origin.replace('http', 'ws')}/webapi/connectionupgrade`
  const wire = await dialWebSocket!(url, ['alpn-ping'], { signal })
  let listener: (chunk: Uint8Array) => void = () => {}
  wire.start({ data: (chunk) => listener(chunk), end: () => {}, fail: () => {} })
  return {
    write: (chunk) => wire.write([chunk]) as Promise<void> | undefined,
    listen: (given) => {
      listener = given
    },
    close: () => wire.destroy(),
  }
}

async function tunnel(way: Way): Promise<Link> {
  const socket = await createDialer(await optionsOf(way)).connect()
  const writer = socket.writable.getWriter()
  let listener: (chunk: Uint8Array) => void = () => {}
  void (async () => {
    for await (const chunk of socket.readable) listener(chunk)
  })().catch(() => {})
  return {
    write: (chunk) => writer.write(chunk),
    listen: (given) => {
      listener = given
    },
    close: () => void socket.close(),
  }
}

async function optionsOf(way: Way): Promise<DialerOptions & BrowserOptions> {
  const { origin, webSocket, software, tls } = way
  return { ...tls!, origin, webSocket, ...(software && { crypto: await softwareCrypto() }) }
}

async function softwareCrypto(): Promise<BrowserOptions['crypto']> {
  const { forgeCrypto, withNoble } = await import('../../src/crypto/noble.js')
  const random = (length: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(length))
  return withNoble(forgeCrypto({ random }))
}

declare global {
  var bench: { handshakes: typeof handshakes; move: typeof move; roundTrip: typeof roundTrip }
}
globalThis.bench = { handshakes, move, roundTrip }
globalThis.inPage = {} as never
