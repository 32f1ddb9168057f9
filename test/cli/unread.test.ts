// Whoever reads our output may stop: what is under way is not cut for it, and the status is still the command's own.
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TemporaryFolder, temporaryFolder, writeAuthority, writeCertificate } from '../support/files.js'
import { type Service, startEcho } from '../support/services.js'
import { createStage, innerName, type Stage } from '../support/stage.js'
import { buildCli, type Cli } from './run.js'

let cli: Cli
let echo: Service
let stage: Stage
let folder: TemporaryFolder
let flags: string[]

beforeAll(async () => {
  ;[cli, echo, folder] = await Promise.all([buildCli(), startEcho(), temporaryFolder('unread')])
  stage = await createStage({ echo: echo.port })
  const issued = await stage.users.issue({ commonName: 'alice', usage: 'client' })
  const { certificate, privateKey } = await writeCertificate(folder, 'alice', issued)
  const trust = await writeAuthority(folder, 'host', stage.host)
  flags = ['--trust', trust, '--cert', certificate, '--key', privateKey, '--server-name', innerName]
}, 120_000)

afterAll(async () => {
  await stage?.[Symbol.asyncDispose]()
  await echo?.stop()
  await cli?.remove()
  await folder?.remove()
})

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
  const nobody = 'https://127.0.0.1:1'
  const { status } = await cli.run(['detect', nobody])
  const child = cli.start(['detect', nobody])
  child.stderr?.destroy()
  expect(await once(child, 'exit')).toEqual([status, null])
  expect(status).not.toBe(0)
})
