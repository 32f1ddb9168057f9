// The WebSocket platforms on Node: the page's WebSocket played by `ws`, the worker's fetch() by a stub.
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import type { TunnelError } from '../../../src/errors.js'
import type { DialerOptions } from '../../../src/index.js'
import { createDialer as createBrowserDialer } from '../../../src/platform/browser/index.js'
import { closeCause } from '../../../src/platform/messages.js'
import {
  type WebSocketEventLike,
  type WebSocketLike,
  webSocketWire,
} from '../../../src/platform/web-socket.js'
import { createDialer as createWorkerDialer } from '../../../src/platform/workerd/index.js'
import { type Authority, createAuthority, type Issued } from '../../support/certificates.js'
import { type InnerServer, startInner, startUpgrades } from './loopback-servers.js'

let host: Authority
let users: Authority
let alice: Issued
let certificate: Issued
const started: Array<{ stop(): Promise<void> }> = []

beforeAll(async () => {
  ;[host, users] = await Promise.all([createAuthority(), createAuthority()])
  certificate = await host.issue({ names: ['localhost'] })
  alice = await users.issue({ usage: 'client', commonName: 'alice' })
})

afterEach(async () => {
  vi.unstubAllGlobals()
  await Promise.all(started.splice(0).map((server) => server.stop()))
})

async function servers(): Promise<{ inner: InnerServer; options: DialerOptions }> {
  const inner = await startInner({ certificate, users, alpn: ['app'] })
  const front = await startUpgrades(inner)
  started.push(front, inner)
  return {
    inner,
    options: {
      origin: `http://localhost:${front.port}`,
      trust: host.certificate,
      identity: { certificate: alice.chain, privateKey: alice.privateKey },
      alpn: ['app'],
    },
  }
}

describe('a page', () => {
  it('does mutual TLS through its WebSocket', async () => {
    vi.stubGlobal('WebSocket', WebSocket)
    const { inner, options } = await servers()
    await using dialer = createBrowserDialer(options)
    const socket = await dialer.connect()
    expect(socket.info).toMatchObject({ verdict: 'upgrade', framing: 'websocket', connections: 1 })
    expect(socket.info.evidence[0]).toContain('cannot see ALPN')
    const writer = socket.writable.getWriter()
    const data = new Uint8Array(3_000_000).map((_, i) => i)
    const wrote = writer.write(data).then(() => writer.close())
    let received = 0
    let right = true
    for await (const chunk of socket.readable) {
      right &&= chunk.every((byte, i) => byte === ((received + i) & 0xff))
      received += chunk.length
    }
    await wrote
    expect([received, right]).toEqual([data.length, true])
    expect(inner.clients).toEqual(['alice'])
  })

  it('cannot send headers', async () => {
    vi.stubGlobal('WebSocket', WebSocket)
    const { options } = await servers()
    await using dialer = createBrowserDialer({ ...options, headers: { a: 'b' } })
    await expect(dialer.connect()).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED_PLATFORM' })
  })

  it('is told nothing but that the WebSocket did not open, and can give up waiting', async () => {
    vi.stubGlobal('WebSocket', WebSocket)
    const { options } = await servers()
    await using dialer = createBrowserDialer({ ...options, path: '/forbidden' })
    await expect(dialer.connect()).rejects.toMatchObject({ code: 'ERR_DIAL_FAILED' })
    await using slow = createBrowserDialer({ ...options, path: '/silent' })
    const controller = new AbortController()
    const dialing = slow.connect({ signal: controller.signal })
    setTimeout(() => controller.abort(), 20)
    await expect(dialing).rejects.toMatchObject({ code: 'ERR_ABORTED' })
  })
})

describe('a worker', () => {
  const options = (trust: string): DialerOptions => ({
    origin: 'https://lb.test',
    trust,
    alpn: ['app'],
    headers: { a: 'b' },
  })

  it('asks by fetch() with the headers, and names the status that refuses', async () => {
    const asked: Array<[string, Headers]> = []
    vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
      asked.push([url, init.headers as Headers])
      return new Response('no', { status: 403, headers: { server: 'waf' } })
    })
    await using dialer = createWorkerDialer(options(host.certificate))
    await expect(dialer.connect()).rejects.toMatchObject({
      code: 'ERR_UPGRADE_FORBIDDEN',
      detail: expect.stringContaining('waf'),
    })
    expect(asked.map(([url]) => url)).toEqual(['https://lb.test/webapi/connectionupgrade'])
    expect(Object.fromEntries(asked[0]?.[1] ?? [])).toEqual({
      a: 'b',
      upgrade: 'websocket',
      'sec-websocket-protocol': 'alpn-ping',
    })
  })

  it('that reaches nothing says so', async () => {
    vi.stubGlobal('fetch', async () => {
      throw new TypeError('network connection lost')
    })
    await using dialer = createWorkerDialer(options(host.certificate))
    await expect(dialer.connect()).rejects.toMatchObject({ code: 'ERR_DIAL_FAILED' })
  })
})

describe('a wire over a WebSocket', () => {
  function fake(): WebSocketLike & {
    emit(type: string, event: WebSocketEventLike): void
    closed: number[]
    bufferedAmount: number
  } {
    const listeners = new Map<string, (event: WebSocketEventLike) => void>()
    return {
      bufferedAmount: 0,
      closed: [],
      send() {},
      close(code = 0) {
        this.closed.push(code)
      },
      addEventListener: (type, listener) => void listeners.set(type, listener),
      removeEventListener: (type) => void listeners.delete(type),
      emit: (type, event) => listeners.get(type)?.(event),
    }
  }

  it('keeps what came before it was started, in order, and waits for its reader', async () => {
    const socket = fake()
    const wire = webSocketWire(socket, 'alpn-ping')
    const heard: number[] = []
    let go: () => void = () => {}
    socket.emit('message', { data: new Uint8Array([1]).buffer })
    socket.emit('message', { data: new Uint8Array([2]).buffer })
    const ended = new Promise<void>((resolve) => {
      wire.start({
        data(chunk) {
          heard.push(...chunk)
          return chunk[0] === 1 ? new Promise((next) => (go = next)) : undefined
        },
        end: () => resolve(),
        fail: () => {},
      })
    })
    socket.emit('close', { code: 1000 })
    expect(heard).toEqual([1])
    go()
    await ended
    expect(heard).toEqual([1, 2])
  })

  it('refuses text, and bytes without end that nobody reads', () => {
    for (const [data, code] of [
      ['text', 'ERR_WS_TEXT'],
      [new ArrayBuffer(65 * 1024 * 1024), 'ERR_STREAM_LIMIT'],
    ] as const) {
      const socket = fake()
      const wire = webSocketWire(socket, '')
      let failed: TunnelError | undefined
      wire.start({ data: () => {}, end: () => {}, fail: (error) => (failed = error) })
      socket.emit('message', { data })
      expect(failed?.code).toBe(code)
      expect(socket.closed).toEqual([1000])
      expect(() => wire.write([new Uint8Array(1)])).toThrow(
        expect.objectContaining({ code: 'ERR_STREAM_RESET' }),
      )
    }
  })

  // Each takes a place: none may be free.
  it.each([0, 1])('refuses messages of %d bytes without end that nobody reads', (size) => {
    const socket = fake()
    let failed: TunnelError | undefined
    webSocketWire(socket, '').start({
      data: () => new Promise(() => {}),
      end: () => {},
      fail: (error) => (failed = error),
    })
    // One is with the reader; the others count 512 bytes.
    const most = 1 + (64 * 1024 * 1024) / 512
    for (let count = 0; count < most; count++) socket.emit('message', { data: new ArrayBuffer(size) })
    expect(failed).toBeUndefined()
    socket.emit('message', { data: new ArrayBuffer(size) })
    expect(failed?.code).toBe('ERR_STREAM_LIMIT')
    expect(socket.closed).toEqual([1000])
  })

  // RFC 6455 §1.4: what came before the Close counts, and a failure of writing would drop it.
  it('tells writers of a clean Close behind all that is unread', async () => {
    const socket = fake()
    const wire = webSocketWire(socket, '')
    const order: unknown[] = []
    let next: () => void = () => {}
    const ended = new Promise<void>((resolve) => {
      wire.start({
        data(chunk) {
          order.push(chunk[0])
          return new Promise((taken) => (next = taken))
        },
        end: () => resolve(),
        fail: (error) => order.push(error.code),
      })
    })
    for (const byte of [1, 2, 3]) socket.emit('message', { data: Uint8Array.of(byte).buffer })
    socket.emit('close', { code: 1000 })
    const writing = Promise.resolve(wire.write([new Uint8Array(1)])).catch(({ code }: TunnelError) =>
      order.push(code),
    )
    for (const read of [[1], [1, 2], [1, 2, 3]]) {
      await new Promise((resolve) => setImmediate(resolve))
      expect(order).toEqual(read)
      next()
    }
    await Promise.all([ended, writing])
    expect(order).toEqual([1, 2, 3, 'ERR_STREAM_RESET'])
  })

  it('tells writers of any other end at once', () => {
    const socket = fake()
    const wire = webSocketWire(socket, '')
    wire.start({ data: () => new Promise(() => {}), end: () => {}, fail: () => {} })
    socket.emit('message', { data: new ArrayBuffer(1) })
    socket.emit('close', { code: 1006 })
    expect(() => wire.write([new Uint8Array(1)])).toThrow(
      expect.objectContaining({ code: 'ERR_STREAM_RESET' }),
    )
  })

  it('makes writers wait above the high mark until the low one', async () => {
    const socket = fake()
    const wire = webSocketWire(socket, '')
    socket.bufferedAmount = 100
    expect(wire.write([new Uint8Array(1)])).toBeUndefined()
    socket.bufferedAmount = 2 ** 21
    let written = false
    const writing = Promise.resolve(wire.write([new Uint8Array(1)])).then(() => {
      written = true
    })
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(written).toBe(false)
    socket.bufferedAmount = 0
    await writing
    wire.destroy()
    wire.destroy()
    expect(socket.closed).toEqual([1000])
  })

  it.each([
    [undefined, undefined],
    [1000, undefined],
    [1005, undefined],
    [1001, 'ERR_WS_GOING_AWAY'],
    [1006, 'ERR_WS_ABNORMAL'],
    [1011, 'ERR_WS_SERVER_ERROR'],
    [1008, 'ERR_WS_CLOSED'],
    [4000, 'ERR_WS_CLOSED'],
  ])('reads close code %s as %s', (code, error) => {
    expect(closeCause(code)?.code).toBe(error)
  })
})
