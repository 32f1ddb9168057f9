import { it } from 'vitest'
import { startEcho } from '../support/services.js'
import { createStage } from '../support/stage.js'

it('debug', async () => {
  const echo = await startEcho()
  const stage = await createStage({ echo: echo.port })
  const dialer = stage.dialer(stage.directPort, { mode: 'direct' })
  try {
    const s = await dialer.connect({ alpn: ['echo'] })
    console.log(s.info.evidence, s.info.connections)
  } catch (e) {
    console.log(e)
  }
  await new Promise((r) => setTimeout(r, 200))
  console.log(JSON.stringify(stage.events, null, 1))
})
