// The gateway as a service, in this process: what happens to a reload that comes at the wrong moment. Reload, drain and death of
// the real program are in test/interop.
import { execFileSync } from 'node:child_process'
import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { startService } from '../../../src/gateway/service/index.js'
import { temporaryFolder } from '../../support/files.js'
import { closeAll, credentials, onClose } from './clients.js'

afterEach(closeAll)

async function start({ watch = 'false' } = {}) {
  const { server } = await credentials()
  const folder = await temporaryFolder('service')
  onClose(() => folder.remove())
  await folder.write('server.crt', server.certificate)
  await folder.write('server.key', server.privateKey)
  const configure = (name: string, certificate = 'server.crt', watching = watch) =>
    folder.write(
      'gateway.toml',
      `log = { file = "log", level = "info" }
reload = { watch = ${watching} }
listen = { direct = { port = 0 } }
identity = { certificate = "${certificate}", privateKey = "server.key" }
routes = [{ name = "${name}", alpn = "a", connect = { port = 1 }, client = "anyone-without-a-certificate" }]
`,
    )
  await configure('one')
  return { service: await startService(join(folder.path, 'gateway.toml')), configure, folder }
}

it('a reload after the drain, or within it, changes nothing and fails nobody', async () => {
  const { service } = await start()
  const draining = service.drain()
  const within = service.reload()
  await draining
  expect(await Promise.all([within, service.reload()])).toEqual([false, false])
})

it('reloads come one after the other: the one asked for last is applied last', async () => {
  const { service, configure, folder } = await start()
  onClose(() => service.drain())
  // A file that is slow to read: it comes when somebody writes it.
  const slow = join(folder.path, 'slow.crt')
  execFileSync('mkfifo', [slow])
  const { server } = await credentials()
  const order: string[] = []
  await configure('slow', 'slow.crt')
  const first = service.reload().then((done) => order.push(`slow ${done}`))
  // Opened once it is being read.
  const pipe = await open(slow, 'w')
  await configure('quick')
  const second = service.reload().then((done) => order.push(`quick ${done}`))
  // Long enough for one that did not wait.
  for (let turns = 0; turns < 50; turns++) await stat(slow)
  await pipe.writeFile(server.certificate)
  await pipe.close()
  await Promise.all([first, second])
  expect(order).toEqual(['slow true', 'quick true'])
})

it('a log that cannot be opened is named, as the configuration it is', async () => {
  const { folder } = await start()
  await folder.write(
    'gateway.toml',
    (await readFile(join(folder.path, 'gateway.toml'), 'utf8')).replace(
      'file = "log"',
      'file = "absent/log"',
    ),
  )
  await expect(startService(join(folder.path, 'gateway.toml'))).rejects.toMatchObject({
    code: 'ERR_GATEWAY_CONFIG',
    detail: expect.stringMatching(/^log\.file: cannot open .*ENOENT/),
  })
})

it('a file that was named before it was there is loaded when it comes', async () => {
  const { folder, service, configure } = await start({ watch: 'true, interval = "100ms"' })
  onClose(() => service.drain())
  const log = () => readFile(join(folder.path, 'log'), 'utf8')
  await configure('two', 'late.crt')
  await vi.waitFor(async () => expect(await log()).toContain('not reloaded'), 3_000)
  await folder.write('late.crt', await readFile(join(folder.path, 'server.crt'), 'utf8'))
  await vi.waitFor(async () => expect(await log()).toContain('"msg":"reloaded"'), 3_000)
})

it('a change of what reloads is named as one for a restart', async () => {
  const { folder, service, configure } = await start()
  onClose(() => service.drain())
  await configure('one', 'server.crt', 'true')
  expect(await service.reload()).toBe(true)
  expect(await readFile(join(folder.path, 'log'), 'utf8')).toContain('"keys":["reload"]')
})
