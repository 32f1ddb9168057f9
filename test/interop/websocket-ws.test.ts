// Our upgrade and WebSocket layers against the npm `ws` server over loopback TCP, driven by a few lines instead of the
// real driver, so that what fails here is the framing.
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { asTunnelError, type TunnelError } from '../../src/errors.js'
import type { Layer, Sink } from '../../src/layer.js'
import { type UpgradeInfo, upgrade, type WebSocketOptions, webSocket } from '../../src/tunnel/index.js'
import { layerOverSocket } from '../support/layer-over-socket.js'

const random = (length: number) => new Uint8Array(randomBytes(length))

interface Client {
  readonly info: UpgradeInfo
  send(data: Uint8Array): void
  ping(): void
  end(): void
  readonly received: Uint8Array[]
  receivedBytes: number
  /** Resolves when `count` bytes have risen. */
  until(count: number): Promise<void>
  /** The cause given to eof, or the error thrown. */
  readonly ended: Promise<TunnelError | undefined>
  readonly traces: string[]
}

const cleanups: Array<() => void> = []

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

async function serve(): Promise<WebSocketServer> {
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    handleProtocols: (offered) => [...offered][0]!,
  })
  cleanups.push(() => {
    for (const client of server.clients) client.terminate()
    server.close()
  })
  await once(server, 'listening')
  return server
}

/** Two layers over one socket. */
function drive(socket: Socket, options: Partial<WebSocketOptions>): Promise<Client> {
  const lower: Layer<UpgradeInfo> = upgrade({
    host: 'localhost',
    protocol: 'websocket',
    crypto: { random },
  })
  const upper = webSocket({ random, ...options })
  let info: UpgradeInfo | undefined
  let waiting: Array<() => void> = []
  let settle: (error: TunnelError | undefined) => void = () => {}
  const ended = new Promise<TunnelError | undefined>((resolve) => {
    settle = resolve
  })

  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      socket.end()
      settle(asTunnelError(error))
      reject(error)
    }
    const guarded = (action: () => unknown) => {
      try {
        action()
      } catch (error) {
        fail(error)
      }
    }
    // One after the other, as layers want it.
    let reading: Promise<unknown> = Promise.resolve()
    const read = (action: () => unknown) => {
      reading = reading.then(action).catch(fail)
    }
    const lowerSink: Sink<UpgradeInfo> = {
      down: (chunk) => void socket.write(chunk),
      up: (chunk) => void upper.receive(chunk, upperSink),
      open(opened) {
        info = opened
        void upper.start(upperSink)
      },
      finish: () => void socket.end(),
      eof: (cause) => void upper.eof(cause, upperSink),
      trace: () => {},
    }
    const upperSink: Sink = {
      down: (chunk) => void lower.send(chunk, lowerSink),
      up(chunk) {
        client.received.push(chunk)
        client.receivedBytes += chunk.length
        for (const check of waiting) check()
      },
      open: () => resolve(client),
      finish: () => void lower.end(lowerSink),
      eof: (cause) => settle(cause),
      trace: (event) =>
        void (event.type === 'frame' && client.traces.push(`${event.direction} ${event.kind}`)),
    }
    const client: Client = {
      get info() {
        return info!
      },
      send: (data) => guarded(() => upper.send(data, upperSink)),
      ping: () => guarded(() => upper.ping?.(upperSink)),
      end: () => guarded(() => upper.end(upperSink)),
      received: [],
      receivedBytes: 0,
      until: (count) =>
        new Promise((done) => {
          const check = () => {
            if (client.receivedBytes < count) return
            waiting = waiting.filter((other) => other !== check)
            done()
          }
          waiting.push(check)
          check()
        }),
      ended,
      traces: [],
    }
    let over = false
    const eof = () => {
      if (over) return
      over = true
      read(() => lower.eof(undefined, lowerSink))
    }
    socket.on('data', (chunk) => read(() => lower.receive(chunk, lowerSink)))
    socket.on('end', eof)
    socket.on('error', eof)
    guarded(() => lower.start(lowerSink))
  })
}

/** A client and the server's side of it. */
async function pair(options: Partial<WebSocketOptions> = {}): Promise<{ client: Client; peer: WebSocket }> {
  const server = await serve()
  const accepted = once(server, 'connection')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  cleanups.push(() => socket.destroy())
  await once(socket, 'connect')
  const client = await drive(socket, options)
  const [peer] = (await accepted) as [WebSocket]
  return { client, peer }
}

const sha256 = (chunks: readonly Uint8Array[]) => {
  const hash = createHash('sha256')
  for (const chunk of chunks) hash.update(chunk)
  return hash.digest('hex')
}

const closed = async (peer: WebSocket) => {
  const [code, reason] = (await once(peer, 'close')) as [number, Buffer]
  return { code, reason: reason.toString() }
}

describe('the ws server', () => {
  it('accepts the upgrade', async () => {
    const { client, peer } = await pair()
    expect(client.info).toEqual({
      status: 101,
      framing: 'websocket',
      subprotocol: 'alpn-ping',
      server: undefined,
    })
    expect(peer.protocol).toBe('alpn-ping')
    expect(peer.extensions).toBe('')
  })

  it.each([undefined, 'zero-mask'] as const)('exchanges 8 MiB each way (%s)', async (compat) => {
    const { client, peer } = await pair(compat === undefined ? {} : { compat })
    const total = 8 * 1024 * 1024
    const [ours, theirs] = [randomBytes(total), randomBytes(total)]
    const heard: Buffer[] = []
    let heardBytes = 0
    const arrived = new Promise<void>((resolve) => {
      peer.on('message', (data: Buffer, isBinary) => {
        expect(isBinary).toBe(true)
        expect(data.length).toBeLessThanOrEqual(64 * 1024)
        heard.push(data)
        heardBytes += data.length
        if (heardBytes === total) resolve()
      })
    })
    // Sizes on both sides of every length form and word border.
    const sizes = [1, 3, 125, 126, 16_401, 65_535, 65_536, 65_537, 300_001]
    for (let at = 0, i = 0; at < total; at += sizes[i++ % sizes.length]!)
      client.send(new Uint8Array(ours.subarray(at, Math.min(at + sizes[i % sizes.length]!, total))))
    for (let at = 0, i = 0; at < total; at += sizes[i++ % sizes.length]!)
      peer.send(theirs.subarray(at, Math.min(at + sizes[i % sizes.length]!, total)))
    await Promise.all([arrived, client.until(total)])
    expect(sha256(heard)).toBe(sha256([ours]))
    expect(sha256(client.received)).toBe(sha256([theirs]))
  })

  it('sends fragments with pings between them', async () => {
    const { client, peer } = await pair()
    const pong = once(peer, 'pong')
    peer.send(Buffer.from('one '), { binary: true, fin: false })
    peer.ping('teleport')
    peer.send(Buffer.from('two '), { fin: false })
    peer.send(Buffer.alloc(0), { fin: false })
    peer.send(Buffer.from('three'), { fin: true })
    await client.until(13)
    expect(Buffer.concat(client.received).toString()).toBe('one two three')
    expect(String((await pong)[0])).toBe('teleport')
    expect(client.traces.filter((trace) => trace === 'received continuation')).toHaveLength(3)
  })

  it('answers our ping, and may pong unasked', async () => {
    const { client, peer } = await pair()
    const pinged = once(peer, 'ping')
    client.ping()
    expect(String((await pinged)[0])).toBe('underpass')
    peer.pong('unasked')
    peer.send(Buffer.from('x'))
    await client.until(1)
    expect(client.traces.filter((trace) => trace === 'received pong')).toHaveLength(2)
  })

  it('closes when we end, and we hear it', async () => {
    const { client, peer } = await pair()
    const close = closed(peer)
    client.send(Uint8Array.of(1))
    client.end()
    expect(await close).toEqual({ code: 1000, reason: '' })
    expect(await client.ended).toBeUndefined()
  })

  it.each([
    [1000, undefined],
    [1001, 'ERR_WS_GOING_AWAY'],
    [1011, 'ERR_WS_SERVER_ERROR'],
    [4321, 'ERR_WS_CLOSED'],
  ])('closes with %d', async (code, expected) => {
    const { client, peer } = await pair()
    const close = closed(peer)
    peer.send(Buffer.from('last'))
    peer.close(code, 'reason')
    expect((await client.ended)?.code).toBe(expected)
    expect(Buffer.concat(client.received).toString()).toBe('last')
    // Our answer reached it: not 1006.
    expect((await close).code).toBe(code)
  })

  it('closes without a code', async () => {
    const { client, peer } = await pair()
    const close = closed(peer)
    peer.close()
    expect(await client.ended).toBeUndefined()
    expect((await close).code).toBe(1005)
  })

  it('terminates: ERR_WS_ABNORMAL', async () => {
    const { client, peer } = await pair()
    peer.terminate()
    expect((await client.ended)?.code).toBe('ERR_WS_ABNORMAL')
  })

  it('sends text: it hears 1003, we fail', async () => {
    const { client, peer } = await pair()
    const close = closed(peer)
    peer.send('text')
    expect((await client.ended)?.code).toBe('ERR_WS_TEXT')
    expect((await close).code).toBe(1003)
  })

  it('claims too much: it hears 1009, we fail', async () => {
    const { client, peer } = await pair({ limits: { frame: 1000 } })
    const close = closed(peer)
    peer.send(Buffer.alloc(1001))
    expect((await client.ended)?.code).toBe('ERR_WS_TOO_LARGE')
    expect((await close).code).toBe(1009)
  })

  it('refuses an upgrade that is not a WebSocket', async () => {
    const server = await serve()
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    cleanups.push(() => socket.destroy())
    await once(socket, 'connect')
    const { opened } = layerOverSocket(
      upgrade({ host: 'localhost', protocol: 'alpn', crypto: { random } }),
      socket,
    )
    const refused = await opened.catch((error: TunnelError) => error)
    expect(refused).toMatchObject({ code: 'ERR_UPGRADE_BAD_REQUEST' })
    expect((refused as TunnelError).evidence[0]).toBe('HTTP/1.1 400 Bad Request')
  })
})
