// TCP on loopback through the Node wire: bytes, ends, errors by code, and no handle left.
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { dialError, dialTcp, wireFromSocket } from '../../../src/platform/node/wire.js'
import { Connection } from '../../../src/stream/index.js'
import { bytes, clock, framed, hear, pattern, tick } from '../stream/toys.js'

const { signal } = new AbortController()
const servers: Server[] = []
const sockets = new Set<Socket>()

async function serve(onSocket: (socket: Socket) => void, options = {}): Promise<number> {
  const server = createServer({ allowHalfOpen: true, ...options }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    onSocket(socket)
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as { port: number }).port
}

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))))
})

/** Sockets that keep this process busy. */
const handles = () =>
  process.getActiveResourcesInfo().filter((name) => name.startsWith('TCPSocketWrap')).length

describe('dialTcp', () => {
  it('connects, with facts and steps', async () => {
    const port = await serve((socket) => socket.end())
    const steps: Array<[string, object]> = []
    const wire = await dialTcp({ host: '127.0.0.1', port }, { signal, trace: (...step) => steps.push(step) })
    expect(wire.facts).toMatchObject({ remoteAddress: '127.0.0.1', remotePort: port })
    expect(steps).toEqual([['tcp', wire.facts]])
    wire.destroy()
  })

  it('finds names, tries both families, and takes bracketed literals', async () => {
    const port = await serve((socket) => socket.end())
    const steps: string[] = []
    const wire = await dialTcp({ host: 'localhost', port }, { signal, trace: (name) => steps.push(name) })
    expect(wire.facts?.remoteAddress).toMatch(/127\.0\.0\.1$/)
    expect(steps).toContain('dns')
    wire.destroy()
    await expect(dialTcp({ host: '[::1]', port }, { signal })).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_DIAL_(REFUSED|UNREACHABLE)$/),
    })
  })

  it('is refused by ERR_DIAL_REFUSED, with the cause', async () => {
    const port = await serve(() => {})
    await new Promise((resolve) => servers.pop()!.close(resolve))
    await expect(dialTcp({ host: '127.0.0.1', port }, { signal })).rejects.toMatchObject({
      code: 'ERR_DIAL_REFUSED',
      cause: { code: 'ECONNREFUSED' },
    })
    await vi.waitFor(() => expect(handles()).toBe(0))
  })

  it('fails on a name that cannot exist with ERR_DIAL_DNS', async () => {
    // RFC 6761 §6.4: `invalid` is never a name; over 63 bytes no resolver is even asked.
    const host = `${'a'.repeat(64)}.invalid`
    await expect(dialTcp({ host, port: 1 }, { signal })).rejects.toMatchObject({ code: 'ERR_DIAL_DNS' })
  })

  it.each([
    ['ECONNREFUSED', 'ERR_DIAL_REFUSED'],
    ['ENOTFOUND', 'ERR_DIAL_DNS'],
    ['EAI_AGAIN', 'ERR_DIAL_DNS'],
    ['EHOSTUNREACH', 'ERR_DIAL_UNREACHABLE'],
    ['ENETUNREACH', 'ERR_DIAL_UNREACHABLE'],
    ['ETIMEDOUT', 'ERR_DIAL_UNREACHABLE'],
    ['ECONNRESET', 'ERR_DIAL_RESET'],
    ['EACCES', 'ERR_DIAL_FAILED'],
  ])('maps %s to %s, alone and among several', (system, code) => {
    const error = Object.assign(new Error(system), { code: system })
    const address = { host: 'h', port: 1 }
    expect(dialError(error, address)).toMatchObject({ code, cause: error })
    expect(dialError(new AggregateError([error]), address).code).toBe(code)
  })

  it('is aborted before and during, and leaves neither socket nor listener', async () => {
    await expect(
      dialTcp({ host: '127.0.0.1', port: 1 }, { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: 'ERR_ABORTED', phase: 'dial' })
    const port = await serve(() => {})
    const controller = new AbortController()
    let listeners = 0
    const { addEventListener, removeEventListener } = controller.signal
    controller.signal.addEventListener = ((...args: [never, never]) => {
      listeners++
      addEventListener.apply(controller.signal, args)
    }) as never
    controller.signal.removeEventListener = ((...args: [never, never]) => {
      listeners--
      removeEventListener.apply(controller.signal, args)
    }) as never
    const dialing = dialTcp({ host: '127.0.0.1', port }, { signal: controller.signal })
    controller.abort()
    await expect(dialing).rejects.toMatchObject({ code: 'ERR_ABORTED', phase: 'dial' })
    expect(listeners).toBe(0)
    await tick(20)
    for (const socket of sockets) socket.destroy()
    await vi.waitFor(() => expect(handles()).toBe(0))
  })
})

describe('the wire', () => {
  it('carries bytes and half-close both ways', async () => {
    const content = pattern(3_000_000)
    const port = await serve((socket) => {
      const chunks: Buffer[] = []
      socket.on('data', (chunk) => chunks.push(chunk))
      socket.on('end', () => socket.end(Buffer.concat(chunks)))
    })
    const wire = await dialTcp({ host: '127.0.0.1', port }, { signal })
    const heard = hear(wire)
    await wire.write([content.subarray(0, 10), content.subarray(10, 1_000_000), content.subarray(1_000_000)])
    await wire.end()
    expect(await heard.end).toBeUndefined()
    expect(Buffer.compare(heard.all(), content)).toBe(0)
    expect(heard.chunks.every((chunk) => chunk.constructor === Uint8Array)).toBe(true)
    wire.destroy()
  })

  it('stops reading while the reader is busy', async () => {
    let sent = 0
    const port = await serve((socket) => {
      const chunk = Buffer.alloc(64 * 1024)
      const fill = () => {
        while (sent < 50_000_000 && socket.write(chunk)) sent += chunk.length
      }
      socket.on('drain', fill)
      fill()
    })
    const wire = await dialTcp({ host: '127.0.0.1', port }, { signal })
    let taken = 0
    wire.start({
      data: (chunk) => {
        taken += chunk.length
        return new Promise(() => {})
      },
      end() {},
      fail() {},
    })
    await tick(50)
    expect(taken).toBeLessThanOrEqual(64 * 1024)
    expect(sent).toBeLessThan(50_000_000)
    wire.destroy()
  })

  it('holds the writer while the peer does not read, and destroy lets it go', async () => {
    const port = await serve((socket) => socket.pause())
    const wire = await dialTcp({ host: '127.0.0.1', port }, { signal })
    hear(wire)
    const writing = (async () => {
      for (;;) await wire.write([new Uint8Array(1024 * 1024)])
    })()
    await tick(50)
    wire.destroy()
    await expect(writing).rejects.toMatchObject({ code: 'ERR_STREAM_CLOSED' })
  })

  it('fails with ERR_STREAM_RESET when the peer resets', async () => {
    const port = await serve((socket) => setTimeout(() => socket.resetAndDestroy(), 5))
    const wire = await dialTcp({ host: '127.0.0.1', port }, { signal })
    await expect(hear(wire).end).rejects.toMatchObject({
      code: 'ERR_STREAM_RESET',
      cause: { code: 'ECONNRESET' },
    })
    await expect(Promise.resolve(wire.write([bytes('x')]))).rejects.toMatchObject({
      code: 'ERR_STREAM_RESET',
    })
    await expect(Promise.resolve(wire.end())).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
  })

  it('that failed before anybody listened says so then', async () => {
    const port = await serve((socket) => socket.resetAndDestroy())
    const wire = await dialTcp({ host: '127.0.0.1', port }, { signal }).catch((error) => error)
    await tick(20)
    if ('start' in wire) await expect(hear(wire).end).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
    else expect(wire.code).toBe('ERR_DIAL_RESET')
  })

  it('fails when the socket is destroyed under it', async () => {
    const port = await serve(() => {})
    const socket = (await import('node:net')).connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    await once(socket, 'connect')
    const heard = hear(wireFromSocket(socket))
    socket.destroy()
    await expect(heard.end).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
  })

  it('under a connection is freed by a clean end, by an abort and by a failing layer', async () => {
    const port = await serve((socket) => {
      socket.write('\x02hi\x00')
      socket.on('data', () => {}).on('end', () => socket.end())
    })
    const open = async () => {
      const wire = await dialTcp({ host: '127.0.0.1', port }, { signal })
      return new Connection(wire, { clock, limits: { linger: 20 } })
    }
    const clean = await open()
    await clean.push(framed())
    const heard = hear(clean.wire())
    await heard.end
    expect(heard.text()).toBe('hi')
    await clean.wire().end()
    await clean.closed
    const aborted = await open()
    const controller = new AbortController()
    const pushing = aborted.push({ ...framed(), start() {} }, controller.signal)
    controller.abort()
    await expect(pushing).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    const failing = await open()
    await failing.push({
      ...framed(),
      receive() {
        throw new Error('x')
      },
    })
    await expect(failing.closed).rejects.toMatchObject({ code: 'ERR_INTERNAL' })
    await tick(20)
    for (const socket of sockets) socket.destroy()
    await vi.waitFor(() => expect(handles()).toBe(0))
  })

  it('that was closed by both sides does not fail what is still being read above', async () => {
    const port = await serve((socket) => socket.on('data', () => {}).end('\x02hi\x00'))
    const connection = new Connection(await dialTcp({ host: '127.0.0.1', port }, { signal }), { clock })
    await connection.push(framed())
    let release!: () => void
    const heard = hear(connection.wire(), () => new Promise((resolve) => (release = resolve)))
    await connection.wire().end()
    await vi.waitFor(() => expect(handles()).toBe(0))
    release()
    expect(await heard.end).toBeUndefined()
    await connection.closed
  })

  it('can be told not to keep the process alive', async () => {
    const port = await serve(() => {})
    const wire = await dialTcp({ host: '127.0.0.1', port }, { signal })
    hear(wire)
    const busy = handles()
    wire.ref?.(false)
    expect(handles()).toBe(busy - 1)
    wire.ref?.(true)
    expect(handles()).toBe(busy)
    wire.destroy()
  })
})
