// Identity files and the directories of tbot: identity, authorities, and which of several files counts.
import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { botOutput, identityFile } from '../../../src/login/index.js'
import { createAuthority } from '../../support/certificates.js'
import { cluster, folder, identityText, issue, put, removeFolders, replace } from './tree.js'

afterEach(removeFolders)

describe('an identity file', () => {
  it('gives identity, authorities, user and route', async () => {
    const alice = await issue({ database: 'orders' })
    const path = await put(join(await folder(), 'identity'), await identityText(alice))
    const login = await identityFile(path)
    expect(login).toMatchObject({
      user: 'alice',
      cluster: 'root',
      route: { database: { service: 'orders' } },
    })
    expect(login.origin).toBeUndefined()
    expect(login.trust?.trim()).toBe((await cluster()).host.certificate.trim())
    expect((await login.identity.current()).leaf.der).toEqual(alice.der)
    await expect(login.identity.current({ database: 'stock' })).rejects.toMatchObject({
      code: 'ERR_CONFIG_IDENTITY_ROUTE',
    })
    await expect(login.identity.current({ kube: 'prod' })).rejects.toMatchObject({
      detail: 'Kubernetes cluster "prod" is wanted, the certificate is for the database "orders"',
    })
  })

  it.skipIf(process.platform === 'win32')('is read once, as from a pipe', async () => {
    const text = await identityText(await issue())
    const path = join(await folder(), 'pipe')
    execFileSync('mkfifo', [path])
    const written = writeFile(path, text)
    const login = await identityFile(path)
    await written
    expect(login.trust?.trim()).toBe((await cluster()).host.certificate.trim())
  })

  it('is followed when it is renewed, and kept when it is cut off', async () => {
    const [first, second] = await Promise.all([issue(), issue()])
    const path = await put(join(await folder(), 'identity'), await identityText(first))
    const { identity } = await identityFile(path)
    await put(path, (await identityText(second)).slice(0, 300))
    expect((await identity.current()).leaf.der).toEqual(first.der)
    await replace(path, await identityText(second))
    expect((await identity.current()).leaf.der).toEqual(second.der)
  })

  it.skipIf(process.platform === 'win32')('should be readable by its owner only', async () => {
    const path = await put(join(await folder(), 'identity'), await identityText(await issue()), 0o644)
    expect((await identityFile(path)).identity.warnings()).toEqual([expect.stringContaining('mode 0644')])
  })

  it('that is missing or none is told', async () => {
    const path = join(await folder(), 'identity')
    await expect(identityFile(path)).rejects.toMatchObject({ code: 'ERR_CONFIG_FILE' })
    const alice = await issue()
    await put(path, alice.certificate)
    await expect(identityFile(path)).rejects.toMatchObject({
      code: 'ERR_CONFIG_IDENTITY',
      detail: expect.stringContaining(path),
    })
  })
})

describe("tbot's output", () => {
  it('is tlscert and key, with the host authority', async () => {
    const path = await folder()
    const bot = await issue({ app: 'grafana' })
    const { host, users } = await cluster()
    await put(join(path, 'tlscert'), bot.certificate)
    await put(join(path, 'key'), bot.privateKey)
    await put(join(path, 'teleport-host-ca.crt'), host.certificate)
    await put(join(path, 'teleport-user-ca.crt'), users.certificate)
    await put(join(path, 'teleport-database-ca.crt'), users.certificate)
    const login = await botOutput(path)
    expect(login).toMatchObject({
      trust: host.certificate,
      user: 'alice',
      route: { app: { name: 'grafana' } },
    })
    expect((await login.identity.current()).leaf.der).toEqual(bot.der)
    // A directory given as an identity file is one of tbot.
    expect((await identityFile(path)).trust).toBe(host.certificate)
  })

  it('may be tls.crt, tls.key and tls.cas', async () => {
    const path = await folder()
    const bot = await issue()
    const authority = await createAuthority()
    await put(join(path, 'tls.crt'), bot.certificate)
    await put(join(path, 'tls.key'), bot.privateKey)
    await put(join(path, 'tls.cas'), authority.certificate)
    expect((await botOutput(path)).trust).toBe(authority.certificate)
  })

  it('may be a secret with the one authority that its maker put there', async () => {
    const path = await folder()
    const bot = await issue()
    const authority = await createAuthority()
    await put(join(path, 'tlscert'), bot.certificate)
    await put(join(path, 'key'), bot.privateKey)
    expect(await botOutput(path)).not.toHaveProperty('trust')
    await put(join(path, 'teleport-application-ca.pem'), authority.certificate)
    expect((await botOutput(path)).trust).toBe(authority.certificate)
  })

  it('may be an identity file alone', async () => {
    const path = await folder()
    const bot = await issue()
    await put(join(path, 'identity'), await identityText(bot))
    const login = await botOutput(path)
    expect(login.trust).toContain('BEGIN CERTIFICATE')
    expect((await login.identity.current()).leaf.der).toEqual(bot.der)
  })

  it('is followed through a renewal that writes file after file', async () => {
    const path = await folder()
    const [first, second] = await Promise.all([issue(), issue()])
    await put(join(path, 'tlscert'), first.certificate)
    await put(join(path, 'key'), first.privateKey)
    const { identity } = await botOutput(path)
    await put(join(path, 'key'), second.privateKey)
    expect((await identity.current()).leaf.der).toEqual(first.der)
    await put(join(path, 'tlscert'), second.certificate)
    expect((await identity.current()).leaf.der).toEqual(second.der)
  })

  it('that is not there is told with the names looked for', async () => {
    await expect(botOutput(await folder())).rejects.toMatchObject({
      code: 'ERR_CONFIG_LOGIN',
      detail: expect.stringContaining('tlscert'),
    })
  })
})
