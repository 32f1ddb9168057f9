// Teleport's own variables, as `--tsh` obeys them (docs/logins.md).
import { expect, it } from 'vitest'
import { temporaryFolder } from '../support/files.js'
import { runHere } from './run.js'

it.each([['--tsh'], ['--tsh=proxy.test']])('%s looks in TELEPORT_HOME', async (flag) => {
  const folder = await temporaryFolder('tsh')
  try {
    const { status, stderr } = await runHere(['inspect', flag, '--alpn', 'a'], {
      env: { TELEPORT_HOME: folder.path },
    })
    expect(status).toBe(2)
    expect(stderr).toMatch(/^ERR_CONFIG_LOGIN /)
    expect(stderr).toContain(` in ${folder.path}`)
  } finally {
    await folder.remove()
  }
})
