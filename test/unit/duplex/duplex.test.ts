// The Duplex that passes for a net.Socket: as a node:stream, as a socket, and under the libraries that ask for one.
import { once } from 'node:events'
import { Agent, createServer as createHttpServer, get, type IncomingMessage, request } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { Agent as UndiciAgent, request as undiciRequest } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import { duplex } from '../../../src/duplex/index.js'
import { failure } from '../../../src/errors.js'
import { memoryPair } from '../../../src/platform/memory/index.js'
import { dialTcp } from '../../../src/platform/node/wire.js'
import { Connection, type TunnelSocket, tunnelSocket, type Wire } from '../../../src/stream/index.js'
import { createAuthority } from '../../support/certificates.js'
import { bytes, clock, connected, hear, pattern, slow, tick, xor } from '../stream/toys.js'

const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

/** A dialer that passes bytes through layers that change nothing in the end, to a port on loopback. */
function dialer(port: number) {
  const state = {
    dials: [] as object[],
    async connect(options: { readonly signal?: AbortSignal; readonly alpn?: string[] } = {}) {
      state.dials.push(options)
      const signal = options.signal ?? new AbortController().signal
      const connection = new Connection(await dialTcp({ host: '127.0.0.1', port }, { signal }), { clock })
      await connection.push(xor(1), signal)
      await connection.push(xor(1), signal)
      await connection.push(
        slow([], () => Promise.resolve()),
        signal,
      )
      return tunnelSocket(connection.wire(), { alpn: options.alpn }, { closed: connection.closed })
    },
  }
  return state
}

/** A duplex on one end of a memory pair, and the other end. */
function pair(options: Parameters<typeof duplex>[1] = {}) {
  const [near, far] = memoryPair({ facts: { remoteAddress: '192.0.2.1', remotePort: 5432 } })
  return { stream: duplex(tunnelSocket(near, undefined), options), far }
}

const content = pattern(2_000_000)

describe('as a node:stream', () => {
  it('is a Duplex that carries bytes and ends both ways', async () => {
    const port = await listen(createServer({ allowHalfOpen: true }, (socket) => void socket.pipe(socket)))
    const stream = duplex(dialer(port))
    expect(stream).toBeInstanceOf(Duplex)
    const chunks: Buffer[] = []
    await pipeline(
      async function* () {
        for (let at = 0; at < content.length; at += 70_000) yield content.subarray(at, at + 70_000)
      },
      stream,
      async (source: AsyncIterable<Buffer>) => {
        for await (const chunk of source) chunks.push(chunk)
      },
    )
    expect(Buffer.compare(Buffer.concat(chunks), content)).toBe(0)
    expect([stream.bytesRead, stream.bytesWritten]).toEqual([content.length, content.length])
  })

  it('joins the writes of one turn', async () => {
    const writes: number[] = []
    const [near, far] = memoryPair()
    hear(far)
    const wire: Wire = {
      ...near,
      write: (chunks) => {
        writes.push(chunks.length)
        return near.write(chunks)
      },
    }
    const stream = duplex(tunnelSocket(wire, undefined))
    stream.cork()
    for (const part of ['a', 'b', 'c']) stream.write(part)
    stream.uncork()
    stream.end()
    await once(stream, 'finish')
    expect(writes).toEqual([3])
    stream.destroy()
  })

  it.each(['in memory', 'through layers'])(
    'takes more chunks in one turn than a call takes: %s',
    async (way) => {
      const sent = pattern(200_000)
      let server!: Server
      const arrived = new Promise<Buffer>((resolve) => {
        const chunks: Buffer[] = []
        server = createServer((socket) => {
          socket.on('data', (chunk: Buffer) => void chunks.push(chunk))
          socket.on('end', () => resolve(Buffer.concat(chunks)))
        })
      })
      const { stream, far } = way === 'in memory' ? pair() : { stream: duplex(dialer(await listen(server))) }
      const heard = far && hear(far)
      for (const byte of sent) stream.write(Uint8Array.of(byte))
      stream.end()
      await heard?.end
      expect(Buffer.compare(heard?.all() ?? (await arrived), sent)).toBe(0)
      stream.destroy()
    },
  )

  it('reads no more than its bound ahead', async () => {
    const [near, far] = memoryPair({ capacity: 1 })
    const stream = duplex(tunnelSocket(near, undefined), { highWaterMark: 1000 })
    let written = 0
    const writing = (async () => {
      for (;;) {
        await far.write([new Uint8Array(100)])
        written += 100
      }
    })()
    stream.read(0)
    await tick(10)
    expect(written).toBeLessThanOrEqual(1200)
    stream.destroy()
    await expect(writing).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
  })

  it('ends our side when the peer ended, unless allowHalfOpen', async () => {
    const closing = pair()
    const atFar = hear(closing.far)
    closing.far.end()
    closing.stream.resume()
    await Promise.all([once(closing.stream, 'close'), atFar.end])
    const open = pair({ allowHalfOpen: true })
    const late = hear(open.far)
    open.far.end()
    open.stream.resume()
    await once(open.stream, 'end')
    expect(open.stream.readyState).toBe('writeOnly')
    open.stream.end('late')
    await late.end
    expect(late.text()).toBe('late')
  })

  it('gives out what came before a failure, then the error with its code', async () => {
    const { stream, far } = pair()
    far.write([bytes('FATAL: no')])
    await tick()
    far.destroy()
    await tick()
    const seen: string[] = []
    stream.on('data', (chunk: Buffer) => seen.push(chunk.toString()))
    const [error] = await once(stream, 'error')
    expect(seen).toEqual(['FATAL: no'])
    expect(error).toMatchObject({ code: 'ERR_STREAM_RESET' })
  })

  it('errors by code when it is written after the tunnel failed', async () => {
    const { stream, far } = pair()
    far.destroy()
    const [error] = await once(stream, 'error')
    expect(error).toMatchObject({ code: 'ERR_STREAM_RESET' })
    expect(stream.destroyed).toBe(true)
    expect(stream.readyState).toBe('closed')
  })

  it('destroy destroys the tunnel', async () => {
    const { stream, far } = pair()
    const heard = hear(far)
    stream.destroy()
    await expect(heard.end).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
  })
})

describe('as a net.Socket', () => {
  it('dials only when it is used, once, with the options', async () => {
    const port = await listen(createServer((socket) => void socket.end('hello')))
    const source = dialer(port)
    const stream = duplex(source, { alpn: ['x'] })
    await tick(5)
    expect(source.dials).toEqual([])
    expect([stream.connecting, stream.readyState, stream.pending]).toEqual([true, 'opening', true])
    stream.setEncoding('utf8')
    const [text] = await once(stream, 'data')
    expect(text).toBe('hello')
    expect(source.dials).toEqual([{ alpn: ['x'], signal: expect.any(AbortSignal) }])
    expect(stream.info).toEqual({ alpn: ['x'] })
    expect(stream.remotePort).toBe(port)
    expect([stream.remoteAddress, stream.remoteFamily]).toEqual(['127.0.0.1', 'IPv4'])
    expect(stream.address()).toEqual({ address: '127.0.0.1', family: 'IPv4', port: stream.localPort })
  })

  it('is never dialed when it is destroyed before', async () => {
    const source = dialer(1)
    const stream = duplex(source)
    stream.destroy()
    await once(stream, 'close')
    expect(source.dials).toEqual([])
  })

  it('emits connect and ready after connect(), as pg wants it', async () => {
    const port = await listen(createServer(() => {}))
    for (const source of [dialer(port), await dialer(port).connect(), dialer(port).connect()]) {
      const stream = duplex(source)
      await tick(20)
      const events: string[] = []
      stream
        .setNoDelay()
        .setKeepAlive()
        .connect(5432, 'db', () => events.push('listener'))
      stream.once('connect', () => events.push(`connect ${stream.connecting}`))
      stream.once('ready', () => events.push('ready'))
      expect(events).toEqual([])
      await once(stream, 'ready')
      expect(events).toEqual(['listener', 'connect false', 'ready'])
      expect(stream.readyState).toBe('open')
      stream.destroy()
    }
  })

  it('dials for whoever waits for connect, and writes what was written before', async () => {
    const got = new Promise<string>((resolve) => {
      listen(createServer((socket) => void socket.once('data', (chunk) => resolve(chunk.toString())))).then(
        (port) => {
          const stream = duplex(dialer(port))
          stream.write('early')
          stream.once('connect', () => cleanups.push(() => stream.destroy()))
        },
      )
    })
    expect(await got).toBe('early')
  })

  it('fails to dial with the error of the dialer', async () => {
    const error = failure('ERR_DIAL_REFUSED')
    for (const source of [{ connect: () => Promise.reject(error) }, Promise.reject(error)]) {
      const stream = duplex(source as { connect(): Promise<TunnelSocket> })
      stream.connect()
      const [seen] = await once(stream, 'error')
      expect(seen).toBe(error)
    }
  })

  it('is aborted by destroy and by the signal while it dials', async () => {
    const waiting = {
      connect: ({ signal }: { signal?: AbortSignal } = {}) =>
        new Promise<TunnelSocket>((_, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason))
        }),
    }
    const destroyed = duplex(waiting).connect()
    const written = new Promise((resolve) => destroyed.write('x', resolve))
    destroyed.destroy()
    expect(await written).toMatchObject({ code: 'ERR_ABORTED' })
    const controller = new AbortController()
    const aborted = duplex(waiting, { signal: controller.signal }).connect()
    controller.abort()
    const [error] = await once(aborted, 'error')
    expect(error).toMatchObject({ code: 'ERR_ABORTED' })
  })

  it('is aborted by the signal while it waits for a tunnel, which is freed when it comes', async () => {
    const [near, far] = memoryPair()
    const heard = hear(far)
    const controller = new AbortController()
    let arrive!: (socket: TunnelSocket) => void
    const coming = new Promise<TunnelSocket>((resolve) => {
      arrive = resolve
    })
    const stream = duplex(coming, { signal: controller.signal })
    const reason = new Error('enough')
    controller.abort(reason)
    const [error] = await once(stream, 'error')
    expect(error).toMatchObject({ code: 'ERR_ABORTED', phase: 'dial', cause: reason })
    expect(stream.destroyed).toBe(true)
    arrive(tunnelSocket(near, undefined))
    await expect(heard.end).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    const late = duplex(Promise.reject(failure('ERR_DIAL_REFUSED')), { signal: controller.signal })
    const [first] = await once(late, 'error')
    expect(first).toMatchObject({ code: 'ERR_ABORTED' })
  })

  it('leaves an open tunnel alone when the signal aborts later', async () => {
    const [near, far] = memoryPair()
    const controller = new AbortController()
    const stream = duplex(Promise.resolve(tunnelSocket(near, undefined)), { signal: controller.signal })
    await once(stream, 'connect')
    controller.abort()
    far.write([bytes('still here')])
    const [chunk] = await once(stream, 'data')
    expect(String(chunk)).toBe('still here')
    stream.destroy()
  })

  it('is connected before it hears a server that speaks first', async () => {
    const { connection, far } = connected()
    await connection.push(xor(0))
    far.write([bytes('greeting')])
    const stream = duplex(tick(5).then(() => tunnelSocket(connection.wire(), undefined)))
    const seen: string[] = []
    stream.on('connect', () => seen.push('connect'))
    stream.on('data', (chunk) => seen.push(`${chunk}, connecting: ${stream.connecting}`))
    await once(stream, 'data')
    expect(seen).toEqual(['connect', 'greeting, connecting: false'])
    stream.destroy()
  })

  it('says with close whether it was an error, as net.Socket does', async () => {
    const closed = async (reason?: Error) => {
      const { stream } = pair()
      stream.on('error', () => {})
      const closing = new Promise((resolve) => stream.once('close', resolve))
      stream.destroy(reason)
      return closing
    }
    expect([await closed(), await closed(new Error('mine'))]).toEqual([false, true])
  })

  it('leaves what a listener throws to the process, and goes on', async () => {
    const { connection, far } = connected()
    await connection.push(xor(0))
    const tunnel = tunnelSocket(connection.wire(), undefined, { closed: connection.closed })
    const stream = duplex(Promise.resolve(tunnel))
    const bugs = { connect: new Error('in connect'), data: new Error('in data') }
    const caught: unknown[] = []
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => caught.push(error))
    try {
      stream.once('connect', () => {
        throw bugs.connect
      })
      stream.once('data', () => {
        throw bugs.data
      })
      await tick(5)
      far.write([bytes('one')])
      await tick(5)
      expect(caught).toEqual([bugs.connect, bugs.data])
      expect(stream.destroyed).toBe(false)
      far.write([bytes('two')])
      const [chunk] = await once(stream, 'data')
      expect(String(chunk)).toBe('two')
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const listener of listeners) process.on('uncaughtException', listener)
      stream.destroy()
    }
  })

  it('frees a tunnel that arrives after it was destroyed', async () => {
    const [near, far] = memoryPair()
    const heard = hear(far)
    let arrive!: (socket: TunnelSocket) => void
    const stream = duplex(
      new Promise<TunnelSocket>((resolve) => {
        arrive = resolve
      }),
    )
    stream.destroy()
    arrive(tunnelSocket(near, undefined))
    await expect(heard.end).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
  })

  it('times out when idle, and only then', async () => {
    const { stream, far } = pair()
    let fired = 0
    stream.setTimeout(30, () => fired++)
    expect(stream.timeout).toBe(30)
    stream.resume()
    await once(stream, 'timeout')
    expect([fired, stream.destroyed]).toEqual([1, false])
    stream.setTimeout(0)
    far.destroy()
    await once(stream, 'error')
  })

  it('waits as long as a timer can where it is told to wait longer, and not at all once it is destroyed', async () => {
    const { stream } = pair()
    let fired = 0
    stream.on('timeout', () => fired++)
    stream.setTimeout(2 ** 31)
    await tick(20)
    stream.destroy()
    stream.setTimeout(1)
    await tick(20)
    expect(fired).toBe(0)
  })

  it('does not while a long write leaves, but when nothing more does', async () => {
    const left = [3, 2, 1, 1]
    const [near] = memoryPair()
    const wire: Wire = { ...near, write: () => new Promise(() => {}), unsent: () => left.shift()! }
    const stream = duplex(Promise.resolve(tunnelSocket(wire, undefined)))
    stream.connect()
    await once(stream, 'connect')
    stream.write('long')
    stream.setTimeout(5)
    await once(stream, 'timeout')
    expect(left).toEqual([])
    stream.destroy()
  })

  it('passes ref and unref to the wire, also before it is open', async () => {
    const calls: boolean[] = []
    const [near] = memoryPair()
    const wire: Wire = { ...near, ref: (active) => void calls.push(active) }
    const stream = duplex(Promise.resolve(tunnelSocket(wire, undefined)))
    stream.unref()
    stream.connect()
    await once(stream, 'connect')
    stream.ref().unref()
    expect(calls).toEqual([false, true, false])
    stream.destroy()
  })

  it('destroySoon ends first', async () => {
    const { stream, far } = pair()
    const heard = hear(far)
    stream.write('all of it')
    stream.destroySoon()
    await once(stream, 'close')
    await heard.end
    expect(heard.text()).toBe('all of it')
  })
})

describe('under libraries', () => {
  async function httpServer() {
    return listen(
      createHttpServer((incoming, response) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('end', () => response.end(`${incoming.url} ${Buffer.concat(chunks).length}`))
      }),
    )
  }

  const bodyOf = async (response: AsyncIterable<Buffer>) => {
    let body = ''
    for await (const chunk of response) body += chunk
    return body
  }

  it('http.Agent: requests over one kept connection', async () => {
    const source = dialer(await httpServer())
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    agent.createConnection = (() => duplex(source)) as never
    for (const path of ['/1', '/2']) {
      const [response] = (await once(get({ agent, path, host: 'x' }), 'response')) as [IncomingMessage]
      expect(await bodyOf(response)).toBe(`${path} 0`)
    }
    const post = request({ agent, path: '/3', method: 'POST', host: 'x' })
    post.end(content)
    const [response] = (await once(post, 'response')) as [IncomingMessage]
    expect(await bodyOf(response)).toBe(`/3 ${content.length}`)
    expect(source.dials.length).toBe(1)
    agent.destroy()
  })

  it('undici: a connector that yields the duplex', async () => {
    const source = dialer(await httpServer())
    const dispatcher = new UndiciAgent({
      connect: ((_options: object, callback: (error: null, socket: Duplex) => void) => {
        const stream = duplex(source)
        stream.once('connect', () => callback(null, stream))
      }) as never,
    })
    const bodies = await Promise.all(
      [1, 2, 3].map(async (n) => (await undiciRequest(`http://x/${n}`, { dispatcher })).body.text()),
    )
    expect(bodies).toEqual(['/1 0', '/2 0', '/3 0'])
    await dispatcher.close()
  })

  it('node:tls: a handshake with ALPN and an echo over it', async () => {
    const authority = await createAuthority()
    const { certificate, privateKey } = await authority.issue({ names: ['inner.test'] })
    const server = createTlsServer(
      { cert: certificate, key: privateKey, ALPNProtocols: ['echo'] },
      (socket) => {
        socket.pipe(socket)
        socket.on('error', () => {})
      },
    )
    const source = dialer(await listen(server))
    const secure = connectTls({
      socket: duplex(source),
      servername: 'inner.test',
      ca: authority.certificate,
      ALPNProtocols: ['echo'],
    })
    await once(secure, 'secureConnect')
    expect([secure.authorized, secure.alpnProtocol]).toEqual([true, 'echo'])
    const chunks: Buffer[] = []
    secure.on('data', (chunk: Buffer) => chunks.push(chunk))
    secure.end(content)
    await once(secure, 'end')
    expect(Buffer.compare(Buffer.concat(chunks), content)).toBe(0)
    secure.destroy()
  })
})
