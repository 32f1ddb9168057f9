// The gateway as a service, in this process: what happens to a reload that comes at the wrong moment. Reload, drain and death of
// the real program are in test/interop.
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { startService } from '../../../src/gateway/service/index.js'
import { temporaryFolder } from '../../support/files.js'
import { closeAll, credentials, onClose } from './clients.js'

afterEach(closeAll)

async function start() {
  const { server } = await credentials()
  const folder = await temporaryFolder('service')
  onClose(() => folder.remove())
  await folder.write('server.crt', server.certificate)
  await folder.write('server.key', server.privateKey)
  const configure = (name: string) =>
    folder.write(
      'gateway.toml',
      `log = { file = "log", level = "info" }
reload = { watch = false }
listen = { direct = { port = 0 } }
identity = { certificate = "server.crt", privateKey = "server.key" }
routes = [{ name = "${name}", alpn = "a", connect = { port = 1 }, client = "anyone-without-a-certificate" }]
`,
    )
  await configure('one')
  return { service: await startService(join(folder.path, 'gateway.toml')), configure }
}

it('a reload after the drain, or within it, changes nothing and fails nobody', async () => {
  const { service } = await start()
  const draining = service.drain()
  const within = service.reload()
  await draining
  expect(await Promise.all([within, service.reload()])).toEqual([false, false])
})

it('reloads come one after the other, and the last file counts', async () => {
  const { service, configure } = await start()
  onClose(() => service.drain())
  const reloads = [service.reload()]
  await configure('two')
  reloads.push(service.reload(), service.reload())
  expect(await Promise.all(reloads)).toEqual([true, true, true])
})
