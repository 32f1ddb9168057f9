import { connect } from 'node:tls'
import { it } from 'vitest'
import { startEcho } from '../support/services.js'
import { createStage } from '../support/stage.js'

it('debug', async () => {
  const echo = await startEcho()
  const stage = await createStage({ echo: echo.port })
  const c = await stage.users.issue({ commonName: 'alice', usage: 'client' })
  const s = connect({
    port: stage.directPort,
    host: '127.0.0.1',
    servername: 'gateway.test',
    ca: stage.host.certificate,
    cert: c.chain,
    key: c.privateKey,
    ALPNProtocols: ['echo'],
  })
  s.on('secureConnect', () => {
    console.log('secure')
    s.write('hello')
  })
  s.on('data', (d) => console.log('data', String(d)))
  s.on('error', (d) => console.log('err', String(d)))
  s.on('close', (d) => console.log('close'))
  await new Promise((r) => setTimeout(r, 300))
  console.log(JSON.stringify(stage.events, null, 1))
})
