import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { equal } from '../../../src/bytes/index.js'
import { createAuthority } from '../../support/certificates.js'

const folder = mkdtempSync(join(tmpdir(), 'underpass-roots-'))

afterEach(() => {
  vi.unstubAllEnvs()
  vi.resetModules()
  rmSync(folder, { recursive: true, force: true })
})

it('the roots are those of Node and the file of SSL_CERT_FILE, loaded once', async () => {
  const authority = await createAuthority()
  const file = join(folder, 'roots.pem')
  writeFileSync(file, `# an authority of our own\n${authority.certificate}`)
  vi.stubEnv('SSL_CERT_FILE', file)
  const { systemRoots } = await import('../../../src/platform/node/system-roots.js')
  const roots = systemRoots()
  expect(roots.length).toBeGreaterThan(50)
  expect(roots.some((der) => equal(der, authority.der))).toBe(true)
  expect(systemRoots()).toBe(roots)
})

it('a file that cannot be read adds nothing', async () => {
  vi.stubEnv('SSL_CERT_FILE', join(folder, 'nowhere.pem'))
  const { systemRoots } = await import('../../../src/platform/node/system-roots.js')
  expect(systemRoots().length).toBeGreaterThan(50)
})
