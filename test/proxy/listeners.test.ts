// Local listeners: what goes through them, how connections end, and where they listen.
import { once } from 'node:events'
import { lstat, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { failure } from '../../src/errors.js'
import { createProxy, type LocalProxy } from '../../src/proxy/index.js'
import { codeOf, fakeDialer, openClient, world } from './support.js'

const folders: string[] = []
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'up-'))
  folders.push(path)
  return path
}

const target = { alpn: ['service'] }

describe('a TCP listener', () => {
  it('carries bytes both ways, counts them, and keeps a half-close', async () => {
    const dialer = fakeDialer()
    const { proxy, open, next } = await world({ dialer, listener: { speaks: 'tcp', target } })
    const client = await open()
    client.write('hello')
    expect((await client.read(5)).toString()).toBe('hello')
    const { connection } = await next('opened')
    expect(connection).toMatchObject({ id: 1, listener: 'one' })
    client.socket.end()
    expect(await client.rest()).toHaveLength(0)
    const closed = await next('closed')
    expect(closed.error).toBeUndefined()
    expect(closed.connection).toMatchObject({ sent: 5, received: 5 })
    expect(dialer.asked[0]).toMatchObject({ alpn: ['service'] })
    await expect.poll(() => proxy.connections()).toHaveLength(0)
    await proxy.close()
  })

  it('lets no more than a bounded amount wait for a service that does not read', async () => {
    const dialer = fakeDialer((wire) =>
      wire.start({ data: () => new Promise(() => {}), end() {}, fail() {} }),
    )
    const { proxy, open, next } = await world({ dialer, listener: { speaks: 'tcp', target } })
    const client = await open()
    const chunk = Buffer.alloc(1024 * 1024)
    await next('opened')
    for (let i = 0; i < 64; i++) client.socket.write(chunk)
    // What the kernel and the wires hold; far below what was written.
    await expect.poll(() => proxy.connections()[0]?.sent).toBeGreaterThan(0)
    expect(proxy.connections()[0]!.sent).toBeLessThan(8 * chunk.length)
    client.socket.destroy()
    await proxy.close()
  })

  it('resets the client when the tunnel breaks', async () => {
    const dialer = fakeDialer((wire) =>
      wire.start({ data: () => wire.destroy(failure('ERR_STREAM_RESET')), end() {}, fail() {} }),
    )
    const { proxy, open, next } = await world({ dialer, listener: { speaks: 'tcp', target } })
    const client = await open()
    client.write('x')
    await expect(client.rest()).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(codeOf(await next('closed'))).toBe('ERR_STREAM_RESET')
    await proxy.close()
  })

  it('resets a client whose dial fails', async () => {
    const dialer = fakeDialer(() => {
      throw failure('ERR_DIAL_REFUSED', 'nobody')
    })
    const { proxy, open, next } = await world({ dialer, listener: { speaks: 'tcp', target } })
    // The reset may come before the client has looked at its connection.
    const client = await open().catch((error: unknown) => error as Error)
    await expect('rest' in client ? client.rest() : Promise.reject(client)).rejects.toMatchObject({
      code: 'ECONNRESET',
    })
    expect(codeOf(await next('refused'))).toBe('ERR_DIAL_REFUSED')
    await proxy.close()
  })

  it('ends the dial of a client that goes away', async () => {
    let aborted: unknown
    const dialer = fakeDialer(
      (_wire, { signal }) =>
        new Promise((_, reject) => {
          signal!.addEventListener('abort', () => reject((aborted = signal!.reason)))
        }),
    )
    const { proxy, open, next } = await world({ dialer, listener: { speaks: 'tcp', target } })
    const client = await open()
    await expect.poll(() => dialer.asked.length).toBe(1)
    client.socket.resetAndDestroy()
    expect(codeOf(await next('refused'))).toBe('ERR_STREAM_RESET')
    expect(aborted).toMatchObject({ code: 'ERR_STREAM_RESET' })
    await expect.poll(() => proxy.connections()).toHaveLength(0)
    await proxy.close()
  })

  it('takes no more connections than its limit', async () => {
    const { proxy, open, next } = await world({
      dialer: fakeDialer(),
      listener: { speaks: 'tcp', target },
      limits: { connections: 1 },
    })
    const first = await open()
    await next('opened')
    const second = await open()
    expect(codeOf(await next('refused'))).toBe('ERR_LOCAL_LIMIT')
    await second.rest().catch(() => {})
    first.socket.end()
    await next('closed')
    const third = await open()
    await next('opened')
    third.socket.destroy()
    await proxy.close()
  })

  it('drains: no new connections, open ones finish', async () => {
    const { proxy, open, next, port } = await world({
      dialer: fakeDialer(),
      listener: { speaks: 'tcp', target },
    })
    const client = await open()
    await next('opened')
    const closing = proxy.close({ drain: 60_000 })
    await expect(openClient(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    client.write('still here')
    expect((await client.read(10)).toString()).toBe('still here')
    client.socket.end()
    await closing
    expect(codeOf(await next('closed'))).toBeUndefined()
  })

  it('drains until the deadline, and then cuts', async () => {
    const { proxy, open, next } = await world({ dialer: fakeDialer(), listener: { speaks: 'tcp', target } })
    const client = await open()
    await next('opened')
    await proxy.close({ drain: 10 })
    expect(codeOf(await next('closed'))).toBe('ERR_ABORTED')
    await expect(client.rest()).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  it('says who holds a port', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as { port: number }
    const refused = await world({
      dialer: fakeDialer(),
      listener: { speaks: 'tcp', target, listen: { host: '127.0.0.1', port } },
    }).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'ERR_LOCAL_LISTEN', hint: expect.stringContaining(String(port)) })
    if (process.platform === 'linux') expect((refused as Error).message).toContain(`process ${process.pid}`)
    holder.close()
  })

  it('listens beyond this machine only when that was decided', async () => {
    const listen = { host: '0.0.0.0', port: 0 }
    const dialer = fakeDialer()
    await expect(world({ dialer, listener: { speaks: 'tcp', target, listen } })).rejects.toMatchObject({
      code: 'ERR_LOCAL_LISTEN',
    })
    const listeners = [{ name: 'one', speaks: 'tcp', target, listen }] as const
    await (await createProxy({ dialer, listeners, exposed: true })).close()
  })

  it('listens everywhere or nowhere', async () => {
    const path = await folder()
    await writeFile(join(path, 'file'), 'precious')
    const listeners = ['good', 'file'].map((name) => ({
      name,
      speaks: 'tcp' as const,
      target,
      listen: { path: join(path, name) },
    }))
    await expect(createProxy({ dialer: fakeDialer(), listeners })).rejects.toMatchObject({
      code: 'ERR_LOCAL_LISTEN',
    })
    expect(await readdir(path)).toEqual(['file'])
  })
})

describe('a unix socket', () => {
  async function at(path: string): Promise<LocalProxy> {
    return createProxy({
      dialer: fakeDialer(),
      listeners: [{ name: 'one', speaks: 'tcp', target, listen: { path } }],
    })
  }

  it('is ours alone, works, and is removed', async () => {
    const home = await folder()
    const path = join(home, 'db')
    const proxy = await at(path)
    const facts = await stat(path)
    expect(facts.isSocket()).toBe(true)
    expect(facts.mode & 0o777).toBe(0o600)
    expect(await readdir(home)).toEqual(['db'])
    const client = await openClient(path)
    client.write('ping')
    expect((await client.read(4)).toString()).toBe('ping')
    client.socket.end()
    await client.rest()
    await proxy.close()
    expect(await readdir(home)).toEqual([])
  })

  it('takes the place of a stale one', async () => {
    const path = join(await folder(), 'db')
    const first = await at(path)
    // A process that died leaves its socket; a link keeps this one's inode alive past its removal.
    const { link, unlink, rename } = await import('node:fs/promises')
    await link(path, `${path}.kept`)
    await first.close()
    await rename(`${path}.kept`, path)
    expect((await lstat(path)).isSocket()).toBe(true)
    const second = await at(path)
    const client = await openClient(path)
    client.socket.destroy()
    await second.close()
    await expect(unlink(path)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('does not take the place of one in use', async () => {
    const path = join(await folder(), 'db')
    const proxy = await at(path)
    await expect(at(path)).rejects.toMatchObject({ code: 'ERR_LOCAL_LISTEN' })
    const client = await openClient(path)
    client.socket.destroy()
    await proxy.close()
  })

  it('never deletes what is no socket, before or after', async () => {
    const path = join(await folder(), 'db')
    await writeFile(path, 'precious')
    await expect(at(path)).rejects.toMatchObject({ code: 'ERR_LOCAL_LISTEN' })
    expect(await readFile(path, 'utf8')).toBe('precious')
    await rm(path)
    const proxy = await at(path)
    await rm(path)
    await writeFile(path, 'precious again')
    await proxy.close()
    expect(await readFile(path, 'utf8')).toBe('precious again')
  })

  it('is refused where its path is too long or its folder missing', async () => {
    const home = await folder()
    await expect(at(join(home, 'x'.repeat(120)))).rejects.toMatchObject({ code: 'ERR_LOCAL_LISTEN' })
    await expect(at(join(home, 'none', 'db'))).rejects.toMatchObject({ code: 'ERR_LOCAL_LISTEN' })
    expect(await readdir(home)).toEqual([])
  })
})
