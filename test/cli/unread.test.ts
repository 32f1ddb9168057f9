// Whoever reads our output may stop: what is under way is not cut for it, and the status is still the command's own.
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { innerName } from '../support/stage.js'
import { aliceWorld, type World } from './alice.js'

let world: World
beforeAll(async () => {
  world = await aliceWorld('unread')
}, 120_000)
afterAll(() => world?.remove())

/** A client of the proxy that sends and waits for its echo. */
async function client(path: string) {
  const socket = connect(path)
  socket.on('error', () => {})
  await once(socket, 'connect')
  return {
    socket,
    async echo(text: string): Promise<string> {
      socket.write(text)
      const [chunk] = (await once(socket, 'data')) as [Buffer]
      return chunk.toString()
    },
  }
}

describe('a proxy whose reader leaves', { timeout: 60_000 }, () => {
  it.each(['stderr', 'stdout'] as const)('%s: keeps the tunnels that are open', async (stream) => {
    const { cli, stage, folder, host, alice } = world
    const flags = ['--trust', host, ...alice, '--server-name', innerName]
    const path = join(folder.path, `${stream}.sock`)
    const origin = `http://localhost:${stage.upgradePort}`
    const listen = ['--listen', `unix:${path}?alpn=echo`, '--mode', 'websocket']
    const child = cli.start(['proxy', '--json', ...flags, ...listen, origin])
    const exit = once(child, 'exit')
    child.stdout?.resume()
    child.stderr?.resume()
    await expect.poll(() => existsSync(path), { timeout: 20_000 }).toBe(true)

    const first = await client(path)
    expect(await first.echo('one')).toBe('one')
    child[stream]?.destroy()
    // Its connection is told of, to nobody.
    const second = await client(path)
    second.socket.end('x')
    if (stream === 'stdout') {
      // As with SIGTERM: nobody new, and those who are there may finish.
      await expect.poll(() => existsSync(path), { timeout: 10_000 }).toBe(false)
      expect(child.exitCode).toBeNull()
    }
    expect(await first.echo('two')).toBe('two')
    first.socket.end()
    if (stream === 'stderr') child.kill('SIGTERM')
    expect(await exit).toEqual([0, null])
    expect(existsSync(path)).toBe(false)
  })
})

it('a verdict that nobody reads has the status of any other', async () => {
  const { cli } = world
  const nobody = 'https://127.0.0.1:1'
  const { status } = await cli.run(['detect', nobody])
  const child = cli.start(['detect', nobody])
  child.stderr?.destroy()
  expect(await once(child, 'exit')).toEqual([status, null])
  expect(status).not.toBe(0)
})
