// An identity under renewal: new files are picked up, broken ones leave the old identity, and who watches is told.
import { chmod, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { TunnelError } from '../../../src/errors.js'
import { filesIdentity } from '../../../src/login/index.js'
import type { Issued } from '../../support/certificates.js'
import { folder, issue, put, removeFolders, replace } from './tree.js'

afterEach(removeFolders)

interface Files {
  readonly certificate: string
  readonly privateKey: string
}

async function written(issued: Pick<Issued, 'certificate' | 'privateKey'>): Promise<Files> {
  const path = await folder()
  return {
    certificate: await put(join(path, 'tls.crt'), issued.certificate),
    privateKey: await put(join(path, 'tls.key'), issued.privateKey),
  }
}

/** The next word a watcher gets. */
function words(): {
  said: Array<TunnelError | undefined>
  next(): Promise<TunnelError | undefined>
  hear(error?: TunnelError): void
} {
  const said: Array<TunnelError | undefined> = []
  const waiting: Array<(error: TunnelError | undefined) => void> = []
  return {
    said,
    next: () => new Promise((resolve) => waiting.push(resolve)),
    hear(error) {
      said.push(error)
      for (const resolve of waiting.splice(0)) resolve(error)
    },
  }
}

describe('asking for the identity', () => {
  it('reads nothing anew while the files stay', async () => {
    const source = await filesIdentity(await written(await issue()))
    expect(await source.current()).toBe(await source.current())
  })

  it('gives the renewed one, written over or renamed over', async () => {
    const [first, second, third] = await Promise.all([issue(), issue(), issue()])
    const files = await written(first)
    const source = await filesIdentity(files)
    expect((await source.current()).leaf.der).toEqual(first.der)
    await writeFile(files.certificate, second.certificate)
    await writeFile(files.privateKey, second.privateKey)
    expect((await source.current()).leaf.der).toEqual(second.der)
    await replace(files.privateKey, third.privateKey)
    await replace(files.certificate, third.certificate)
    expect((await source.current()).leaf.der).toEqual(third.der)
  })

  it('keeps the old one while the files are half-written, gone or do not belong together', async () => {
    const [first, second] = await Promise.all([issue(), issue()])
    const files = await written(first)
    const source = await filesIdentity(files)
    const half = second.certificate.slice(0, 200)
    for (const spoil of [
      () => writeFile(files.certificate, half),
      () => writeFile(files.certificate, second.certificate),
      () => writeFile(files.certificate, ''),
      () => rm(files.certificate),
    ]) {
      await spoil()
      expect((await source.current()).leaf.der).toEqual(first.der)
    }
    await put(files.certificate, second.certificate)
    await put(files.privateKey, second.privateKey)
    expect((await source.current()).leaf.der).toEqual(second.der)
  })

  it('follows a symbolic link that is swapped, as Kubernetes mounts do', async () => {
    const [first, second] = await Promise.all([issue(), issue()])
    const path = await folder()
    for (const [name, issued] of Object.entries({ first, second })) {
      await put(join(path, name, 'tls.crt'), issued.certificate)
      await put(join(path, name, 'tls.key'), issued.privateKey)
    }
    await symlink('first', join(path, '..data'))
    const source = await filesIdentity({
      certificate: join(path, '..data', 'tls.crt'),
      privateKey: join(path, '..data', 'tls.key'),
    })
    await rm(join(path, '..data'))
    await symlink('second', join(path, '..data'))
    expect((await source.current()).leaf.der).toEqual(second.der)
  })

  it("never yields a key that is not the certificate's, however often it is renewed", async () => {
    const issued = await Promise.all(Array.from({ length: 8 }, () => issue()))
    const files = await written(issued[0]!)
    const source = await filesIdentity(files)
    let done = false
    const writing = (async () => {
      for (let i = 0; i < 64; i++) {
        const next = issued[i % 8]!
        await writeFile(files.privateKey, next.privateKey)
        await writeFile(files.certificate, next.certificate)
      }
      done = true
    })()
    let seen = 0
    while (!done) {
      const { leaf, signer } = await source.current()
      const spki = issued.find(({ der }) => Buffer.from(der).equals(leaf.der))?.key.spki
      expect(signer.spki).toEqual(spki)
      seen++
    }
    await writing
    expect(seen).toBeGreaterThan(0)
    expect((await source.current()).leaf.der).toEqual(issued[7]!.der)
  })
})

describe('expiry', () => {
  const start = Date.UTC(2030, 0, 1)
  const options = { notBefore: new Date(start), notAfter: new Date(start + 3_600_000) }

  it('is an error of its own, on every call', async () => {
    let now = start
    const source = await filesIdentity(await written(await issue({}, options)), { now: () => now })
    await source.current()
    expect(source.expires).toBe(start + 3_600_000)
    now = start + 3_600_000
    await source.current()
    now += 1
    await expect(source.current()).rejects.toMatchObject({
      code: 'ERR_CONFIG_IDENTITY_EXPIRED',
      blame: 'config',
      detail: expect.stringContaining('2030-01-01T01:00:00Z'),
    })
  })

  it('is healed by a renewal', async () => {
    let now = start + 3_600_001
    const files = await written(await issue({}, options))
    const source = await filesIdentity(files, { now: () => now })
    const next = await issue({}, { ...options, notAfter: new Date(start + 7_200_000) })
    await put(files.certificate, next.certificate)
    await put(files.privateKey, next.privateKey)
    expect((await source.current()).leaf.der).toEqual(next.der)
    now = start + 7_200_001
    await expect(source.current()).rejects.toMatchObject({ code: 'ERR_CONFIG_IDENTITY_EXPIRED' })
  })

  it('is warned of in the last quarter, and a clock that is behind as well', async () => {
    let now = start
    const source = await filesIdentity(await written(await issue({}, options)), { now: () => now })
    expect(source.warnings()).toEqual([])
    now = start + 2_699_000
    expect(source.warnings()).toEqual([])
    now = start + 2_700_000
    expect(source.warnings()).toEqual(['the certificate ends in 15 min, at 2030-01-01T01:00:00Z'])
    now = start + 3_600_001
    expect(source.warnings()).toEqual(['the certificate ended at 2030-01-01T01:00:00Z'])
    now = start - 1
    expect(source.warnings()).toEqual([expect.stringContaining('valid only from')])
  })
})

describe('permissions', () => {
  it.skipIf(process.platform === 'win32')('that let others read the key are warned of', async () => {
    const files = await written(await issue())
    await chmod(files.certificate, 0o644)
    expect((await filesIdentity(files)).warnings()).toEqual([])
    await chmod(files.privateKey, 0o640)
    expect((await filesIdentity(files)).warnings()).toEqual([
      `the private key in ${files.privateKey} can be read by others (mode 0640): chmod 600 ${files.privateKey}`,
    ])
  })
})

describe('watching', () => {
  it('tells of a renewal without being asked', async () => {
    const [first, second] = await Promise.all([issue(), issue()])
    const files = await written(first)
    const source = await filesIdentity(files, { poll: 50 })
    const heard = words()
    using _ = source.watch(heard.hear)
    const next = heard.next()
    await replace(files.privateKey, second.privateKey)
    await replace(files.certificate, second.certificate)
    // A look between the two sees a pair that does not belong together, and says so first.
    let word = await next
    while (word !== undefined) word = await heard.next()
    expect(source.expires).toBe((await source.current()).leaf.notAfter)
    expect((await source.current()).leaf.der).toEqual(second.der)
  })

  it('tells once of files that cannot be used, and keeps the identity', async () => {
    const first = await issue()
    const files = await written(first)
    const source = await filesIdentity(files, { poll: 20 })
    const heard = words()
    using _ = source.watch(heard.hear)
    const next = heard.next()
    await writeFile(files.certificate, 'half a certifi')
    expect(await next).toMatchObject({ code: 'ERR_CONFIG_IDENTITY' })
    for (let i = 0; i < 5; i++) await source.current()
    expect(heard.said).toHaveLength(1)
    expect((await source.current()).leaf.der).toEqual(first.der)
  })

  it('survives a folder that is removed and made again', async () => {
    const [first, second] = await Promise.all([issue(), issue()])
    const files = await written(first)
    const source = await filesIdentity(files, { poll: 20 })
    const heard = words()
    using _ = source.watch(heard.hear)
    const gone = heard.next()
    await rm(join(files.certificate, '..'), { recursive: true })
    expect(await gone).toMatchObject({ code: 'ERR_CONFIG_FILE' })
    let word: TunnelError | undefined = await gone
    const back = (async () => {
      while (word !== undefined) word = await heard.next()
    })()
    await put(files.privateKey, second.privateKey)
    await put(files.certificate, second.certificate)
    await back
    expect((await source.current()).leaf.der).toEqual(second.der)
  })

  it('ends with the last who watches, and holds no listener to account', async () => {
    const [first, second] = await Promise.all([issue(), issue()])
    const files = await written(first)
    const source = await filesIdentity(files, { poll: 20 })
    const heard = words()
    const watches = [
      source.watch(() => {
        throw new Error('a listener that fails')
      }),
      source.watch(heard.hear),
    ]
    const next = heard.next()
    await put(files.certificate, second.certificate)
    await put(files.privateKey, second.privateKey)
    let word = await next
    while (word !== undefined) word = await heard.next()
    for (const watch of watches) watch[Symbol.dispose]()
    const count = heard.said.length
    await put(files.certificate, first.certificate)
    await put(files.privateKey, first.privateKey)
    expect((await source.current()).leaf.der).toEqual(first.der)
    expect(heard.said).toHaveLength(count)
  })
})
