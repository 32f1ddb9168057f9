// What Node loads of the published package: few files, of which one holds what every entry point has in common, and the same
// names as the modules that bundlers take. Each check is a process of its own that finds `underpass` by its exports.
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { createServer } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Build, buildPackage } from '../support/build.js'
import { createAuthority } from '../support/certificates.js'
import { projectRoot } from './source.js'

const deadline = 120_000

/** Files that importing an entry point may load: itself, and what it shares. */
const atMost: Readonly<Record<string, number>> = {
  underpass: 2,
  'underpass/node': 2,
  'underpass/browser': 2,
  'underpass/workerd': 2,
  'underpass/duplex': 2,
  'underpass/gateway': 3,
  'underpass/errors': 2,
  'underpass/crypto/noble': 3,
}

interface Target {
  readonly node: string
  readonly default: string
}

let build: Build
let home: string
beforeAll(async () => {
  build = await buildPackage(projectRoot)
  home = dirname(build.folder)
}, deadline)
afterAll(() => build?.remove())

describe('the package on Node', { timeout: deadline }, () => {
  it('has a file of chunks for every entry point', async () => {
    expect(Object.keys(await doors()).sort()).toEqual(Object.keys(atMost).sort())
  })

  it.each(Object.entries(atMost))('loads %s as %i files at most', async (door, count) => {
    const { loaded } = await run(`await import('${door}')`)
    expect(loaded).toContain('core.js')
    expect(loaded.length).toBeLessThanOrEqual(count)
  })

  it('shakes hands without another file, WebCrypto or node:tls', async () => {
    const authority = await createAuthority()
    const { chain, privateKey } = await authority.issue({ names: ['db.example.com'] })
    const server = createServer({ cert: chain, key: privateKey, ALPNProtocols: ['db'] })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const options = {
      origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
      originTrust: authority.certificate,
      trust: authority.certificate,
      serverName: 'db.example.com',
      alpn: ['db'],
      mode: 'direct',
    }
    try {
      const { loaded, said } = await run(`
        import { createDialer } from 'underpass/node'
        const dialer = createDialer(${JSON.stringify(options)})
        const { info } = await dialer.connect()
        const modules = process.moduleLoadList.map((name) => name.replace('NativeModule ', ''))
        console.log(JSON.stringify({ version: info.tls.version, modules }))
        await dialer.close()`)
      const { version, modules } = JSON.parse(said) as { version: string; modules: string[] }
      expect(version).toBe('TLSv1.3')
      expect(loaded).toEqual(['core.js', 'node.js'])
      expect(modules).toEqual(expect.arrayContaining(['net', 'crypto']))
      expect(modules.filter((name) => /^(_tls_wrap|tls|internal\/crypto\/webcrypto)$/.test(name))).toEqual([])
    } finally {
      await new Promise((resolve) => server.close(resolve))
    }
  })

  it('shows the names that the modules show', async () => {
    for (const [door, target] of Object.entries(await doors())) {
      const kinds = (path: string) =>
        `Object.entries(await import('${path}')).map(([name, value]) => [name, typeof value]).sort()`
      const { said } = await run(
        `console.log(JSON.stringify([${kinds(door)}, ${kinds(target.default)}, import.meta.resolve('${door}')]))`,
      )
      const [chunks, modules, found] = JSON.parse(said) as [string[][], string[][], string]
      expect([door, basename(found)]).toEqual([door, basename(target.node)])
      expect(chunks.length).toBeGreaterThan(0)
      expect(chunks).toEqual(modules)
    }
  })

  it('has one class of errors behind all entry points', async () => {
    const { said } = await run(`
      import * as portable from 'underpass'
      import * as node from 'underpass/node'
      import * as browser from 'underpass/browser'
      import * as workerd from 'underpass/workerd'
      import { duplex } from 'underpass/duplex'
      import { createGateway } from 'underpass/gateway'
      const trust = portable.dangerously.anyCertificate('nothing is dialed')
      const bad = { origin: 'nonsense', trust }
      const dead = node.createDialer({ origin: 'https://127.0.0.1:9', trust })
      await dead.close()
      const thrown = [
        ...(await Promise.all([node, browser, workerd].map(async (door) => {
          try { return await door.createDialer(bad) } catch (error) { return error }
        }))),
        await createGateway({}).catch((error) => error),
        await new Promise((resolve) => duplex(dead).on('error', resolve).write('x')),
      ]
      const classes = [portable, node, browser, workerd].map(({ TunnelError }) => TunnelError)
      console.log(JSON.stringify({
        classes: new Set(classes).size,
        codes: thrown.map((error) => error instanceof portable.TunnelError && error.code),
        said: thrown.every((error) => error.hint !== ''),
      }))`)
    expect(JSON.parse(said)).toEqual({
      classes: 1,
      codes: [
        'ERR_CONFIG_ORIGIN',
        'ERR_CONFIG_ORIGIN',
        'ERR_CONFIG_ORIGIN',
        'ERR_GATEWAY_CONFIG',
        'ERR_ABORTED',
      ],
      said: true,
    })
  })

  it('finds the files of the package from where it is', async () => {
    const { version } = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')) as {
      readonly version: string
    }
    const { stdout } = await promisify(execFile)(process.execPath, [build.command, '--version'])
    expect(stdout.trim()).toBe(version)
    // The gateway reads its version and looks for the console: all files of chunks lie where its own does.
    const names = await readdir(join(build.folder, 'node'), { recursive: true })
    expect(names.filter((name) => !/^[a-z0-9-]+\.js$/.test(name))).toEqual([])
    const urls = new Set<string>()
    for (const name of names) {
      const text = await readFile(join(build.folder, 'node', name), 'utf8')
      for (const [, path] of text.matchAll(/["'](\.\.\/[^"'`\n]*)["']/g)) urls.add(path!)
    }
    expect([...urls].sort()).toEqual(['../../package.json', '../../worker/console/dist/', '../console/'])
  })

  it('imports nothing of Node as a namespace, whose getters load what nobody asked for', async () => {
    for (const name of await readdir(join(build.folder, 'node')))
      expect(await readFile(join(build.folder, 'node', name), 'utf8')).not.toMatch(/from ?["']node:/)
  })
})

async function doors(): Promise<Record<string, Target>> {
  const { exports } = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, string | Target>>
  }
  return Object.fromEntries(
    Object.entries(exports).flatMap(([key, target]) =>
      typeof target === 'string' ? [] : [[key.replace(/^\./, 'underpass'), target]],
    ),
  )
}

let programs = 0

/** What a program said, and the package's files that it loaded: V8's coverage names each. */
async function run(code: string): Promise<{ readonly said: string; readonly loaded: readonly string[] }> {
  const file = join(home, `program-${++programs}.mjs`)
  const coverage = join(home, `coverage-${programs}`)
  await mkdir(coverage)
  await writeFile(file, code)
  const { stdout } = await promisify(execFile)(process.execPath, [file], {
    env: { ...process.env, NODE_V8_COVERAGE: coverage },
  })
  const scripts = new Set<string>()
  for (const name of await readdir(coverage)) {
    const { result } = JSON.parse(await readFile(join(coverage, name), 'utf8')) as {
      readonly result: ReadonlyArray<{ readonly url: string }>
    }
    for (const { url } of result) if (url.includes('/dist/')) scripts.add(basename(url))
  }
  await rm(coverage, { recursive: true })
  return { said: stdout, loaded: [...scripts].sort() }
}
